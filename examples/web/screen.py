"""What a live page shows of a board, and its next frame. Each live stream has one."""

from __future__ import annotations

from examples.board.read_models import BoardRow, CardRow, Cards, new_board
from examples.web.reading import board_of, rows_of
from examples.web.tags import tag_of
from fastapi.sse import ServerSentEvent

MOST = 1_000
"""The most cards that a page gets; it also gets the number of further cards."""


class Screen:
    """A page's view of a board: all changes up to one version, and no later ones.

    A page sends the version that it shows with its commands. So each frame is read from one
    snapshot, and takes the page from one version to a later one completely.
    """

    def __init__(self, board: str) -> None:
        self._board = board
        self._version = -1
        self._cards: set[str] = set()
        self._left_out = 0

    def forget(self) -> None:
        """Send everything again with the next frame."""
        self._version = -1

    def knows(self, cards: Cards, tag: str | None) -> None:
        """Resume for a page that has reconnected, with the id of the last frame that it got."""
        row = self._row(cards)
        if tag == tag_of(Cards, row.version):
            self._version = row.version
            self._cards = {row.card for row in self._all(cards)}
            self._left_out = self._beyond(cards)

    def frame(self, cards: Cards) -> ServerSentEvent | None:
        """The next frame: the changes that the page does not show yet; None if there are none."""
        row = self._row(cards)
        if row.version == self._version:
            return None
        changed = self._changed(cards, row.version)
        is_new = changed is None
        if changed is None:
            self._cards.clear()
            changed = self._all(cards)
        self._cards |= {one.card for one in changed}
        self._left_out = self._beyond(cards)
        body = board_of(row) | {
            "position": cards.position,
            "put": rows_of(changed),
            "gone": self._gone(cards),
            "left_out": self._left_out,
        }
        self._version = row.version
        return ServerSentEvent(
            data=body, event="board" if is_new else "change", id=tag_of(Cards, row.version)
        )

    def _row(self, cards: Cards) -> BoardRow:
        return cards.boards.get(self._board) or new_board(self._board)

    def _all(self, cards: Cards) -> list[CardRow]:
        return cards.by_column.prefix(self._board).list(MOST)

    def _beyond(self, cards: Cards) -> int:
        return max(0, cards.in_board[self._board] - MOST)

    def _changed(self, cards: Cards, version: int) -> list[CardRow] | None:
        """The cards that changed since the last frame; None means that all must be sent."""
        if self._left_out or not 0 <= self._version < version:
            return None
        since, until = (self._board, self._version + 1), (self._board, version + 1)
        changed = cards.by_change.between(since, until).list(MOST + 1)
        return changed if len(changed) <= MOST else None

    def _gone(self, cards: Cards) -> list[str]:
        if len(self._cards) <= cards.in_board[self._board]:
            return []  # no card was removed
        known = sorted(self._cards)
        rows = cards.rows.get_many([(self._board, card) for card in known])
        gone = [card for card, row in zip(known, rows, strict=True) if row is None]
        self._cards.difference_update(gone)
        return gone
