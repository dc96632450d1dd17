"""A journal around another one, whose writing can be made to fail or wait during a test."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.errors import OutcomeUnknown

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from comity.actors.runtime.runtime import Runtime
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.event_kind import EventKind
    from comity.engine.journal.journal import Journal, JournalFigures
    from comity.engine.journal.lineage import Lineage
    from comity.engine.journal.numbered import Numbered
    from comity.engine.journal.record import Record
    from comity.engine.journal.result import Result
    from comity.engine.journal.snapshot import Snapshot
    from comity.engine.journal.turn import Turn
    from comity.testing.switching.fault import Fault


class SwitchedJournal:
    """Implements `Journal` by another one. `down`, `failing`, `slow` and `hanging` switch it.

    The `domain` fixture makes it; wrap a journal yourself to open a domain without the fixture.

    Args:
        journal: the other journal.
        runtime: that of the domain.

    Example:
        domain = Domain(journal := SwitchedJournal(MemoryJournal()), deciders=[board])
        with down(journal):
            ...
    """

    def __init__(self, journal: Journal, runtime: Runtime = THREADS) -> None:
        self.runtime = runtime
        """That of the domain."""
        self._journal = journal
        self._faults: list[Fault] = []
        self.error: BaseException | None = None
        """What writing raises; None: it works."""
        self.silent = 0
        """How many of the next writes give no answer: their senders get `OutcomeUnknown`."""
        self.stored = True
        """Whether the writes without an answer are stored all the same."""

    @contextmanager
    def faulty(self, fault: Fault) -> Generator[None]:
        """Until the block ends, let the fault come before each write."""
        self._faults.append(fault)
        try:
            yield
        finally:
            self._faults.remove(fault)

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> Sequence[Result]:
        """Store turns as the other journal does, unless it is switched to fail."""
        for fault in list(self._faults):
            fault.now()
        if self.error is not None:
            raise self.error
        if self.silent:
            self.silent -= 1
            if self.stored:
                self._journal.append(turns, snapshots)
            msg = "the journal was switched to give no answer"
            raise OutcomeUnknown(msg)
        return self._journal.append(turns, snapshots)

    def recover(self) -> None:
        """Make the journal usable again; raises while it is down."""
        if self.error is not None:
            raise self.error
        self._journal.recover()

    # Everything else is as in the other journal.

    def news(self) -> int:
        """See `Journal.news`."""
        return self._journal.news()

    def alone(self) -> AbstractContextManager[None]:
        """See `Journal.alone`."""
        return self._journal.alone()

    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        """See `Journal.read`."""
        return self._journal.read(aggregate, after, upto)

    def since(self, aggregate: AggregateId, version: int, lasting: int | None) -> Iterator[Record]:
        """See `Journal.since`."""
        return self._journal.since(aggregate, version, lasting)

    def read_backwards(self, aggregate: AggregateId, upto: int | None = None) -> Iterator[Record]:
        """See `Journal.read_backwards`."""
        return self._journal.read_backwards(aggregate, upto)

    def read_all(self, after: int = 0) -> Iterator[Record]:
        """See `Journal.read_all`."""
        return self._journal.read_all(after)

    def read_every(self, after: int = 0) -> Iterator[Numbered]:
        """See `Journal.read_every`."""
        return self._journal.read_every(after)

    def follow(self, after: int = 0) -> Iterator[Sequence[Record]]:
        """See `Journal.follow`."""
        return self._journal.follow(after)

    def find(self, command_id: str) -> Record | None:
        """See `Journal.find`."""
        return self._journal.find(command_id)

    def version(self, aggregate: AggregateId) -> int:
        """See `Journal.version`."""
        return self._journal.version(aggregate)

    def lasting(self, aggregate: AggregateId) -> int:
        """See `Journal.lasting`."""
        return self._journal.lasting(aggregate)

    def position(self) -> int:
        """See `Journal.position`."""
        return self._journal.position()

    def wake(self, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Journal.wake`."""
        return self._journal.wake(callback)

    def aggregates(self, start: AggregateId | None = None) -> Iterator[tuple[AggregateId, int]]:
        """See `Journal.aggregates`."""
        return self._journal.aggregates(start)

    def snapshot(self, aggregate: AggregateId, upto: int | None = None) -> Snapshot | None:
        """See `Journal.snapshot`."""
        return self._journal.snapshot(aggregate, upto)

    def kinds(self) -> Mapping[EventKind, int]:
        """See `Journal.kinds`."""
        return self._journal.kinds()

    def figures(self) -> JournalFigures:
        """See `Journal.figures`."""
        return self._journal.figures()

    def lineage(self) -> Lineage:
        """See `Journal.lineage`."""
        return self._journal.lineage()

    def maintain(self) -> None:
        """See `Journal.maintain`."""
        self._journal.maintain()

    def abandon(self) -> None:
        """See `Journal.abandon`."""
        self._journal.abandon()

    def close(self) -> None:
        """See `Journal.close`."""
        self._journal.close()
