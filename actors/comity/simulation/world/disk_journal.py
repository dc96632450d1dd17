"""The journal of a simulated process: reads and writes the world's disk, as long as it lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import Closed
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.journal import JournalFigures
from comity.engine.journal.lineage import Lineage
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.simulation.runtime.process_steps import ProcessSteps
from comity.simulation.world.disk import Disk


class DiskJournal:
    """Implements `Journal` for one process.

    Once the process has crashed, it writes nothing, and reading raises `Closed`.
    """

    def __init__(self, disk: Disk, process: ProcessSteps) -> None:
        self._disk = disk
        self._process = process
        self._closed = False

    @property
    def _data(self) -> MemoryJournal:
        if self._closed or self._process.crashed:
            raise Closed("this journal is closed")
        return self._disk.data

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """See `Journal.append`, and `DiskFaults` for what may happen.

        Raises:
            Crashed: the process has crashed, perhaps while this waited.
        """
        self._check_usable()
        return self._disk.append(self._process, turns, snapshots)

    def news(self) -> int:
        """See `Journal.news`."""
        return self._data.news()

    def alone(self) -> AbstractContextManager[None]:
        """See `Journal.alone`."""
        return self._data.alone()

    def recover(self) -> None:
        """See `Journal.recover`."""
        if self._closed or self._process.crashed:  # not `Crashed`: a closing committer would spin
            raise Closed("this journal is closed")
        self._disk.recover()

    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        """See `Journal.read`."""
        return self._data.read(aggregate, after, upto)

    def since(self, aggregate: AggregateId, version: int, lasting: int | None) -> Iterator[Record]:
        """See `Journal.since`."""
        return self._data.since(aggregate, version, lasting)

    def read_backwards(self, aggregate: AggregateId, upto: int | None = None) -> Iterator[Record]:
        """See `Journal.read_backwards`."""
        return self._data.read_backwards(aggregate, upto)

    def read_all(self, after: int = 0) -> Iterator[Record]:
        """See `Journal.read_all`."""
        return self._data.read_all(after)

    def read_every(self, after: int = 0) -> Iterator[Numbered]:
        """See `Journal.read_every`."""
        return self._data.read_every(after)

    def follow(self, after: int = 0) -> Iterator[Sequence[Record]]:
        """See `Journal.follow`."""
        for batch in self._data.follow(after):
            yield batch
            self._check_usable()

    def find(self, command_id: str) -> Record | None:
        """See `Journal.find`."""
        return self._data.find(command_id)

    def version(self, aggregate: AggregateId) -> int:
        """See `Journal.version`."""
        return self._data.version(aggregate)

    def lasting(self, aggregate: AggregateId) -> int:
        """See `Journal.lasting`."""
        return self._data.lasting(aggregate)

    def position(self) -> int:
        """See `Journal.position`."""
        return self._data.position()

    def wake(self, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Journal.wake`."""
        return self._data.wake(callback)

    def aggregates(self, start: AggregateId | None = None) -> Iterator[tuple[AggregateId, int]]:
        """See `Journal.aggregates`."""
        return self._data.aggregates(start)

    def snapshot(self, aggregate: AggregateId, upto: int | None = None) -> Snapshot | None:
        """See `Journal.snapshot`."""
        return self._data.snapshot(aggregate, upto)

    def kinds(self) -> Mapping[EventKind, int]:
        """See `Journal.kinds`."""
        return self._data.kinds()

    def figures(self) -> JournalFigures:
        """See `Journal.figures`."""
        return self._data.figures()

    def lineage(self) -> Lineage:
        """See `Journal.lineage`."""
        return self._data.lineage()

    def maintain(self) -> None:
        """Do nothing: there is nothing to maintain."""

    def abandon(self) -> None:
        """Do nothing: it holds no locks of files."""

    def close(self) -> None:
        """Close this process's journal; the data stay."""
        self._closed = True

    def _check_usable(self) -> None:
        self._process.check_alive()
        if self._closed:
            raise Closed("this journal is closed")
