"""One generation of a model in a folder, and events that are projected into it by hand."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from comity.engine import AggregateId, Event, Recorded
from comity.engine.history.batch import Batch
from comity.engine.lmdb.span import EVERYTHING, Entry
from comity.readmodels.generations.generations import put_away_projection
from comity.readmodels.projecting.projection import CannotProject, Projection
from comity.readmodels.storage.environment import Environment
from comity.readmodels.tables.binding import Binding
from comity.readmodels.tables.read_model import AnyReadModel
from comity.readmodels.tables.row_change import RowChange
from comity.readmodels.tables.state import Checkpoint

M = TypeVar("M", bound=AnyReadModel)
T = TypeVar("T")

BOARD = AggregateId("board", "b")
MAP = 1 << 28
"""Bytes; many environments are open at a time in tests."""


def at(event: Event, position: int, aggregate: AggregateId = BOARD) -> Recorded[Event]:
    """The event as it would stand in the journal."""
    return Recorded(
        event=event,
        aggregate=aggregate,
        version=position,
        position=position,
        microseconds=1_700_000_000_000_000 + position,
        who="ann",
        session="",
        command="",
        command_id="",
        metadata={},
        report=None,
    )


def batch_of(
    events: Sequence[Recorded[Event]],
    position: int,
    *,
    after: int | None = None,
    is_end: bool = True,
) -> Batch:
    """The events as a batch that ends at this position, and follows the one before the first."""
    if after is None:
        after = events[0].position - 1
    return Batch(after, events, position, events[-1].microseconds if events else 0, is_end)


def make_environment(path: Path, tables: Mapping[str, bool], *, size: int = MAP) -> Environment:
    """A new one, open for writing."""
    path.mkdir(parents=True)
    Environment.create(path, tables)
    return Environment(path, tables, map_size=size)


class Bench(Generic[M]):
    """Where a model is tried."""

    def __init__(self, model: type[M], path: Path, *, size: int = MAP) -> None:
        self.model = model
        self.path = path
        self.size = size
        if not path.exists():
            make_environment(path, model.schema.described.tables, size=size).close()
        self.environment = self._open()
        self.projection = Projection(model, self.environment)
        self.position = self.projection.checkpoint.position
        """Of the last event that was made; the projection may be behind."""

    def make(self, *events: Event, aggregate: AggregateId = BOARD, is_end: bool = True) -> Batch:
        """The next batch."""
        first = self.position + 1
        self.position += len(events)
        recorded = [at(event, position, aggregate) for position, event in enumerate(events, first)]
        return batch_of(recorded, self.position, after=first - 1, is_end=is_end)

    def take(self, *events: Event, aggregate: AggregateId = BOARD) -> Sequence[RowChange]:
        """Make a batch of these events, and take it; where that fails, the next one replaces it."""
        try:
            return self.projection.take(self.make(*events, aggregate=aggregate))
        finally:
            self.position = self.projection.checkpoint.position

    def take_or_pass_over(self, batch: Batch, *, telling: bool = True) -> list[int]:
        """Take the batch; where that fails, one event after the other; which ones failed."""
        try:
            self.projection.take(batch, telling=telling)
        except CannotProject:
            if len(batch.events) == 1:
                self.projection.take(batch_of([], batch.position, after=batch.after))
                return [batch.position]
            parts = [batch_of([one], one.position) for one in batch.events]
            failed = [position for part in parts for position in self.take_or_pass_over(part)]
            assert failed, "a batch fails where one of its events does"
            return failed
        return []

    def fails(self, batch: Batch) -> bool:
        """Whether the batch cannot be taken."""
        try:
            self.projection.take(batch)
        except CannotProject:
            return True
        return False

    @contextmanager
    def read(self) -> Generator[M]:
        """A snapshot of the newest state."""
        with self.snapshot() as model:
            yield model

    def snapshot(self) -> M:
        """A snapshot that is not closed by itself."""
        reading = self.environment.begin()
        assert reading is not None
        return self.model.bound(Binding(reading))

    def ask(self, question: Callable[[M], T]) -> T:
        """What the newest state answers."""
        with self.read() as model:
            return question(model)

    def everything(self) -> dict[str, list[Entry]]:
        """All that is stored."""
        return dump(self.environment)

    def checkpoint(self) -> Checkpoint:
        """As it is stored."""
        return Projection(self.model, self.environment).checkpoint

    def reopen(self) -> None:
        """Close everything, and open it again."""
        self.environment.close()
        self.environment = self._open()
        self.projection = Projection(self.model, self.environment)

    def close_well(self) -> None:
        """Close it as a program that ends does; `reopen` opens it again."""
        put_away_projection(self.projection)

    def _open(self) -> Environment:
        tables = self.model.schema.described.tables
        return Environment(self.path, tables, map_size=self.size)

    def wipe(self) -> None:
        """Begin again from nothing; quicker than a new one."""
        with self.environment.writing() as writing:
            for handle in writing.handles.values():
                writing.clear(handle)
        self.projection = Projection(self.model, self.environment)
        self.position = 0

    def close(self) -> None:
        """Let go of the files."""
        self.environment.close()


def dump(environment: Environment) -> dict[str, list[Entry]]:
    """All that an environment holds, by table."""
    with environment.reading() as reading:
        return {
            name: reading.entries(handle, EVERYTHING, 1_000_000, after=None, backwards=False)
            for name, handle in environment.handles.items()
        }
