"""A read model on its own, in a temporary folder: events go in by hand, in any batches."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from comity.engine.history.batch import Batch
from comity.engine.lmdb.span import EVERYTHING
from comity.readmodels.projecting.projection import CannotProject, Projection
from comity.readmodels.storage.environment import Environment
from comity.readmodels.tables.binding import Binding
from comity.readmodels.tables.read_model import AnyReadModel
from comity.readmodels.tables.schema import CHANGES, META

if TYPE_CHECKING:
    from types import TracebackType

    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event
    from comity.readmodels.tables.any_table import AnyTable
    from comity.readmodels.tables.row import Row

M = TypeVar("M", bound=AnyReadModel)

MAP_SIZE: Final = 1 << 28
"""The most bytes of its tables: address space, not disk."""


class TriedModel(Generic[M]):
    """The tables of a model. Use it in a `with` block, which removes them at its end."""

    def __init__(self, model: type[M]) -> None:
        self.model = model
        self._folder = tempfile.TemporaryDirectory(prefix="comity-testing-")
        path = Path(self._folder.name) / "tables"
        path.mkdir()
        tables = model.schema.described.tables
        Environment.create(path, tables)
        self._environment = Environment(path, tables, map_size=MAP_SIZE)
        self._projection = Projection(model, self._environment)

    def take(
        self, events: Sequence[Recorded[Event]], *, is_end: bool = True, hold: bool = False
    ) -> None:
        """Project the next events as one batch.

        Args:
            events: the events after those that it has.
            is_end: whether the journal has no more events.
            hold: whether the changes may stay in memory, as in the build of a new generation.

        Raises:
            CannotProject: `project` failed.
        """
        last = events[-1]
        batch = Batch(self._projection.position, events, last.position, last.microseconds, is_end)
        self._projection.take(batch, telling=False, hold=hold)

    @contextmanager
    def reading(self) -> Generator[M]:
        """Read the newest state."""
        with self._environment.reading() as reading:
            yield self.model.bound(Binding(reading))

    def rows(self, table: AnyTable) -> list[Row]:
        """Return all rows of a table, in the order of their keys."""
        with self.reading() as model:
            return list(getattr(model, table.name).all())

    def stored(self) -> list[tuple[str, str, str]]:
        """Return all rows as table, key and row, and all entries of indexes and figures."""
        found = [
            (table.name, repr(table.key(row)), repr(row))
            for table in self.model.schema.tables
            for row in self.rows(table)
        ]
        with self._environment.reading() as reading:
            for name, handle in reading.handles.items():
                if name not in {META, CHANGES}:
                    entries = reading.entries(
                        handle, EVERYTHING, 1_000_000, after=None, backwards=False
                    )
                    found += [(name, repr(key), repr(value)) for key, value in entries]
        return found

    def wipe(self) -> None:
        """Begin again from nothing: quicker than a new one."""
        with self._environment.writing() as writing:
            for handle in writing.handles.values():
                writing.clear(handle)
        self._projection = Projection(self.model, self._environment)

    def close(self) -> None:
        """Remove the tables."""
        self._environment.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def blamed(failure: CannotProject) -> str:
    """Return which event a failed `project` is about, and its error."""
    at = failure.at
    event = "an event" if at is None else f"event {at.position}, {at.event!r} of {at.aggregate}"
    return f"{event}: {failure}"
