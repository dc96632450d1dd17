# mypy: ignore-errors
# pyright: basic, reportMissingImports=false
"""The board with the library `eventsourcing`, on SQLite. It is not installed by default."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, OperationalError

from benchmarks.board import Boards, Card, Cards, Change, Kind, apply, check
from benchmarks.contender import Blocking
from benchmarks.peers.follower import Follower


class Board(Aggregate):
    """A board."""

    class Created(Aggregate.Created):
        """A board was created."""

        name: str

    @event(Created)
    def __init__(self, name: str) -> None:
        self.name = name
        self.cards: Cards = {}

    @classmethod
    def create_id(cls, name: str) -> UUID:
        """The id is computed from the name."""
        return uuid5(NAMESPACE_URL, f"/boards/{name}")

    def change(self, change: Change) -> None:
        """Check the rules, then apply the change."""
        check(self.cards, change)
        _, kind, card, value = change
        if kind == "create":
            self.card_created(card, value)
        elif kind == "rename":
            self.card_renamed(card, value)
        elif kind == "move":
            self.card_moved(card, value)
        else:
            self.card_assigned(card, value)

    @event("CardCreated")
    def card_created(self, card: str, value: str) -> None:
        """A card was created."""
        apply(self.cards, Change("", "create", card, value))

    @event("CardRenamed")
    def card_renamed(self, card: str, value: str) -> None:
        """A card was renamed."""
        apply(self.cards, Change("", "rename", card, value))

    @event("CardMoved")
    def card_moved(self, card: str, value: str) -> None:
        """A card was moved."""
        apply(self.cards, Change("", "move", card, value))

    @event("CardAssigned")
    def card_assigned(self, card: str, value: str) -> None:
        """A card was assigned."""
        apply(self.cards, Change("", "assign", card, value))


_KINDS: dict[str, Kind] = {
    "CardCreated": "create",
    "CardRenamed": "rename",
    "CardMoved": "move",
    "CardAssigned": "assign",
}


class BoardsAsInstalled(Application):
    """Default settings: each command loads its board from its events."""


class BoardsTuned(Application):
    """Boards stay in memory, with a lock for each."""

    env = {
        "AGGREGATE_CACHE_MAXSIZE": "200000",
        "AGGREGATE_CACHE_FASTFORWARD": "n",
        "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",
    }


class EventsourcingBoards(Blocking):
    """An application, and a follower for the read model if there is one."""

    def __init__(
        self, folder: Path, kind: type[Application], *, read_model: bool, tuned: bool
    ) -> None:
        super().__init__()
        self._app = kind(
            {
                "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                "SQLITE_DBNAME": str(folder / "boards.sqlite"),
                "SQLITE_LOCK_TIMEOUT": "60",
            }
        )
        self._tuned = tuned
        self._ids: dict[str, UUID] = {}
        self._names: dict[UUID, str] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._writing = threading.Lock()  # SQLite's own waiting for each other is far slower
        self._position = 0
        self._conflicts = 0
        # On SQLite the library has no subscriptions, so a thread reads its notification log.
        self._rows = Follower(folder / "rows.sqlite", self._read) if read_model else None

    def set_up(self, changes: Sequence[Change]) -> None:
        """Save some hundred boards at a time."""
        by_board: dict[str, list[Change]] = {}
        for change in changes:
            by_board.setdefault(change.board, []).append(change)
        made: list[Board] = []
        for name, its_changes in by_board.items():
            board = Board(name)
            for change in its_changes:
                board.change(change)
            self._ids[name] = board.id
            self._names[board.id] = name
            self._locks[name] = threading.Lock()
            made.append(board)
            if len(made) == 500:  # noqa: PLR2004
                self._save(*made)
                made = []
        if made:
            self._save(*made)
        self.catch_up()

    def call(self, change: Change) -> None:
        """Load, decide and save; as installed, retry after a conflict."""
        if self._tuned:
            with self._locks[change.board], self._writing:
                self._once(change)
            return
        while True:
            try:
                self._once(change)
            except (IntegrityError, OperationalError):  # the second: no connection came free
                self._conflicts += 1
            else:
                return

    def _once(self, change: Change) -> None:
        board = self._app.repository.get(self._ids[change.board])
        board.change(change)
        self._save(board)

    def _save(self, *boards: Board) -> None:
        recordings = self._app.save(*boards)
        self._position = max(self._position, recordings[-1].notification.id)
        if self._rows:
            self._rows.wake()

    def _read(self, position: int) -> tuple[Sequence[Change], int]:
        found = self._app.recorder.select_notifications(position + 1, 500)
        changes: list[Change] = []
        for notification in found:
            happened = self._app.mapper.to_domain_event(notification)
            kind = _KINDS.get(type(happened).__name__)
            if kind:
                name = self._names[happened.originator_id]
                changes.append(Change(name, kind, happened.card, happened.value))
        return changes, found[-1].id if found else position

    def catch_up(self) -> None:
        """Wait until the follower has the newest change."""
        if self._rows:
            self._rows.catch_up(self._position)

    def log(self) -> Iterable[Change]:
        """Read the log in the order of the application."""
        position, after = -1, 0
        while position != after:
            position = after
            changes, after = self._read(position)
            yield from changes

    def boards(self) -> Boards:
        """Load the boards from the repository."""
        return {name: self._app.repository.get(id_).cards for name, id_ in self._ids.items()}

    def rows(self) -> Mapping[tuple[str, str], Card]:
        """Read the rows as stored."""
        return self._rows.table.all() if self._rows else {}

    def facts(self) -> Mapping[str, float]:
        """The number of commands that were sent again."""
        return {"conflicts": self._conflicts}

    def close(self) -> None:
        """Close the store."""
        super().close()
        if self._rows:
            self._rows.close()
        self._app.close()
