"""What one live page has been told of a board, and what to tell it next. Live streams have one."""

from __future__ import annotations

from examples.board.read_models import BoardRow, CardRow, Cards, new_board
from examples.web.reading import board_of, rows_of
from examples.web.tags import tag_of
from fastapi.sse import ServerSentEvent

MOST = 1_000
"""Cards of a board that are kept up to date on a page."""


class Screen:
    """Everything up to one version of the board, and nothing later.

    A page acts on the version that it shows, so it has to know which one that is. Each frame is
    therefore read from one snapshot, and takes the page from a version to a later one as a whole.
    """

    def __init__(self, board: str) -> None:
        self._board = board
        self._version = -1
        self._cards: set[str] = set()

    def forget(self) -> None:
        """Tell everything again."""
        self._version = -1

    def knows(self, cards: Cards, tag: str | None) -> None:
        """The page came back with the id of the last frame that it got."""
        row = self._row(cards)
        if tag == tag_of(Cards, row.version):
            self._version = row.version
            self._cards = {row.card for row in self._all(cards)}

    def frame(self, cards: Cards) -> ServerSentEvent | None:
        """What the page does not show yet; None when it is up to date."""
        row = self._row(cards)
        if row.version == self._version:
            return None
        is_new = self._version < 0 or row.version < self._version
        changed = self._all(cards) if is_new else self._changed(cards, row.version)
        if is_new:
            self._cards.clear()
        self._cards |= {one.card for one in changed}
        body = board_of(row) | {
            "position": cards.position,
            "put": rows_of(changed),
            "gone": self._gone(cards),
        }
        self._version = row.version
        return ServerSentEvent(
            data=body, event="board" if is_new else "change", id=tag_of(Cards, row.version)
        )

    def _row(self, cards: Cards) -> BoardRow:
        return cards.boards.get(self._board) or new_board(self._board)

    def _all(self, cards: Cards) -> list[CardRow]:
        return cards.by_column.prefix(self._board).list(MOST)

    def _changed(self, cards: Cards, version: int) -> list[CardRow]:
        since, until = (self._board, self._version + 1), (self._board, version + 1)
        return cards.by_change.between(since, until).list(MOST)

    def _gone(self, cards: Cards) -> list[str]:
        if len(self._cards) <= cards.in_board[self._board]:
            return []
        known = sorted(self._cards)
        rows = cards.rows.get_many([(self._board, card) for card in known])
        gone = [card for card, row in zip(known, rows, strict=True) if row is None]
        self._cards.difference_update(gone)
        return gone
