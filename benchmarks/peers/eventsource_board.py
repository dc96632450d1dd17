# mypy: ignore-errors
# pyright: basic, reportMissingImports=false
"""The board with the library `eventsource-py` on SQLite, in the decider style of its manual.

The library lives in one event loop, here on a thread of its own; the boards' clients wait for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsource import (
    AggregateRepository,
    DeciderAggregate,
    DomainCommand,
    DomainEvent,
    register_event,
)
from eventsource.adapters.sqlite.store import SQLiteEventStore
from eventsource.domain.exceptions import OptimisticLockError
from eventsource.ports import FeedReadOptions
from pydantic import BaseModel, Field

from benchmarks.board import Boards, Card, Change, Kind, apply, check
from benchmarks.contender import Blocking
from benchmarks.peers.follower import Follower


class ChangeCard(DomainCommand):
    """One command for all four kinds: it spares the library a choice."""

    kind: Kind
    card: str
    value: str


@register_event
class CardChanged(DomainEvent):
    """One event for all four kinds."""

    event_type: str = "CardChanged"
    aggregate_type: str = "Board"
    kind: Kind
    card: str
    value: str


class State(BaseModel):
    """The cards; changed in place, which is quicker than the copies of the manual."""

    id: UUID
    cards: dict[str, Card] = Field(default_factory=dict)


class Board(DeciderAggregate[State]):
    """A board."""

    aggregate_type = "Board"

    @staticmethod
    def initial_state(aggregate_id: UUID) -> State:
        """No cards."""
        return State(id=aggregate_id)

    @staticmethod
    def decide(command: ChangeCard, state: State) -> list[DomainEvent]:
        """Check the rules, and give one event."""
        change = Change("", command.kind, command.card, command.value)
        check(state.cards, change)
        _, kind, card, value = change
        return [CardChanged(aggregate_id=state.id, kind=kind, card=card, value=value)]

    @staticmethod
    def evolve(state: State, event: CardChanged) -> State:
        """Apply the event."""
        apply(state.cards, Change("", event.kind, event.card, event.value))
        return state


class EventsourceBoard(Blocking):
    """A store, and its repository."""

    def __init__(self, folder: Path, *, read_model: bool) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="library")
        self._thread.start()
        self._store = SQLiteEventStore(str(folder / "boards.sqlite"))
        self._repository = AggregateRepository(self._store, Board, "Board", enable_tracing=False)
        self._ids: dict[str, UUID] = {}
        self._names: dict[UUID, str] = {}
        self._conflicts = 0
        self._rows = Follower(folder / "rows.sqlite", self._read) if read_model else None

    def set_up(self, changes: Sequence[Change]) -> None:
        """Save each board once."""
        asyncio.run_coroutine_threadsafe(self._set_up(changes), self._loop).result()
        self.catch_up()

    def call(self, change: Change) -> None:
        """Send a command, and wait in a thread."""
        asyncio.run_coroutine_threadsafe(self._change(change), self._loop).result()

    async def ask(self, change: Change) -> None:
        """Send a command, and wait in a task."""
        waiting = asyncio.run_coroutine_threadsafe(self._change(change), self._loop)
        await asyncio.wrap_future(waiting)

    def catch_up(self) -> None:
        """Wait until the follower has the newest change."""
        if self._rows:
            position = asyncio.run_coroutine_threadsafe(
                self._store.current_position(), self._loop
            ).result()
            self._rows.catch_up(position.key[0])

    def log(self) -> Iterable[Change]:
        """Read the log in the order of the store."""
        position, after = -1, 0
        while position != after:
            position = after
            changes, after = self._read(position)
            yield from changes

    def boards(self) -> Boards:
        """Load the boards from the repository."""
        return asyncio.run_coroutine_threadsafe(self._boards(), self._loop).result()

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
        asyncio.run_coroutine_threadsafe(self._store.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _change(self, change: Change) -> None:
        command = ChangeCard(kind=change.kind, card=change.card, value=change.value)
        while True:
            board = await self._repository.load(self._ids[change.board])
            board.execute(command)
            try:
                await self._repository.save(board)
            except OptimisticLockError:
                self._conflicts += 1
            else:
                if self._rows:
                    self._rows.wake()
                return

    async def _set_up(self, changes: Sequence[Change]) -> None:
        by_board: dict[str, list[Change]] = {}
        for change in changes:
            by_board.setdefault(change.board, []).append(change)
        for name, its_changes in by_board.items():
            id_ = self._ids[name] = uuid5(NAMESPACE_URL, f"/boards/{name}")
            self._names[id_] = name
            board = self._repository.create_new(id_)
            for change in its_changes:
                board.execute(ChangeCard(kind=change.kind, card=change.card, value=change.value))
            await self._repository.save(board)

    async def _boards(self) -> Boards:
        return {
            name: (await self._repository.load(id_)).state.cards for name, id_ in self._ids.items()
        }

    def _read(self, position: int) -> tuple[Sequence[Change], int]:
        return asyncio.run_coroutine_threadsafe(self._after(position), self._loop).result()

    async def _after(self, position: int) -> tuple[Sequence[Change], int]:
        start = self._store._codec.encode(position)  # its positions are made nowhere else
        changes: list[Change] = []
        async for found in self._store.read_all(start, FeedReadOptions(limit=500)):
            happened, position = found.event, found.position.key[0]
            name = self._names[happened.aggregate_id]
            changes.append(Change(name, happened.kind, happened.card, happened.value))
        return changes, position


def open_board(folder: Path, *, read_model: bool) -> EventsourceBoard:
    """Open the contender in an empty folder."""
    return EventsourceBoard(folder, read_model=read_model)
