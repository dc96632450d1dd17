"""A journal in memory, for tests and simulations: the shortest complete implementation.

It shows what the `Journal` protocol means, with plain lists and dicts. It keeps every command id.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import takewhile
from operator import attrgetter

from msgpack import unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import Closed
from comity.engine.journal.entry import records_of
from comity.engine.journal.event_kind import EventKind, kinds_in
from comity.engine.journal.journal import JournalFigures
from comity.engine.journal.judge import judge
from comity.engine.journal.lineage import Lineage
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.packing import packed
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result, Stored
from comity.engine.journal.since import read_since
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.engine.journal.wakes import Wakes
from comity.engine.runtime.system import Lock, token

_last_version = attrgetter("last_version")
_last_position = attrgetter("last_position")


class MemoryJournal:
    """Implements `Journal` without a disk. Several domains may append to one object at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._closed = False
        self._every: list[Record] = []
        """Every record."""
        self._log: list[Record] = []
        """Every record that has events."""
        self._streams: dict[AggregateId, list[Record]] = {}
        """For each aggregate: its records with events, and its lasting records, in order."""
        self._ids: dict[str, Record] = {}
        self._snapshots: dict[AggregateId, Sequence[Snapshot]] = {}
        self._commits = self._events = 0
        self._wakes = Wakes()
        self._lineage = Lineage(token(8))

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Store the turns in order; see `Journal.append`. It never fails."""
        self._check_open()
        results = self._append_all(turns, snapshots)
        self._wakes.ring()
        return results

    def _append_all(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot]) -> list[Result]:
        with self._lock:
            refused: set[AggregateId] = set()
            before = len(self._every)
            results = [self._append(turn, refused) for turn in turns]
            self._commits += len(self._every) > before
            for snapshot in snapshots:
                self._keep(snapshot)
        return results

    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        aggregate = turn.aggregate
        version, late = self.version(aggregate), aggregate in refused
        refusal = judge(turn, version, self.lasting, self._ids.get, refused=late)
        if refusal is not None:
            refused.add(aggregate)
            return refusal
        position = self._start(turn)
        for record in records_of(aggregate, turn.expected, position, turn.entries):
            self._store(record)
        if turn.snapshot is not None:
            self._keep(turn.snapshot)
        return Stored(turn.last_version, position + turn.events)

    def _start(self, turn: Turn) -> int:
        """Return the position before a turn's first event."""
        return self.position()

    def _store(self, record: Record) -> None:
        self._every.append(record)
        self._events += len(record.events)
        self._ids[record.command_id] = record
        if record.events:
            self._log.append(record)
        if record.events or record.lasting:
            self._streams.setdefault(record.aggregate, []).append(record)

    def _keep(self, snapshot: Snapshot) -> None:
        kept = self._snapshots.get(snapshot.aggregate, ())
        newest = kept[-1].version if kept else 0
        if newest <= snapshot.version <= self.version(snapshot.aggregate):
            before = [one for one in kept if one.version < snapshot.version]
            self._snapshots[snapshot.aggregate] = (*before[-1:], snapshot)

    def news(self) -> int:
        """See `Journal.news`. It grows with every record: the journal does not know its writers."""
        return len(self._every)

    def alone(self) -> AbstractContextManager[None]:
        """See `Journal.alone`. It does not keep others away."""
        self._check_open()
        return nullcontext()

    def recover(self) -> None:
        """Do nothing: an append to memory never fails."""
        self._check_open()

    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        """See `Journal.read`."""
        self._check_open()
        stream = self._streams.get(aggregate, [])
        start = bisect_right(stream, after, key=_last_version)
        if upto is None:
            return map(_copy, stream[start:])
        stop = bisect_right(stream, upto - 1, key=lambda one: one.version - (not one.events))
        return map(_copy, stream[start : stop if after < upto else start])

    def since(self, aggregate: AggregateId, version: int, lasting: int | None) -> Iterator[Record]:
        """See `Journal.since`."""
        return read_since(self.read, aggregate, version, lasting)

    def read_backwards(self, aggregate: AggregateId, upto: int | None = None) -> Iterator[Record]:
        """See `Journal.read_backwards`."""
        return reversed(list(self.read(aggregate, 0, upto)))

    def read_all(self, after: int = 0) -> Iterator[Record]:
        """See `Journal.read_all`."""
        self._check_open()
        return map(_copy, self._log[bisect_right(self._log, after, key=_last_position) :])

    def read_every(self, after: int = 0) -> Iterator[Numbered]:
        """See `Journal.read_every`. The first record has the number 1; there are no gaps."""
        self._check_open()
        every = enumerate(self._every[after:], after + 1)
        return (Numbered(number, _copy(record)) for number, record in every)

    def follow(self, after: int = 0) -> Iterator[Sequence[Record]]:
        """See `Journal.follow`. A batch holds all records since the previous batch."""
        while True:
            batch = tuple(self.read_all(after))
            if batch:
                after = batch[-1].last_position
            yield batch

    def find(self, command_id: str) -> Record | None:
        """Return the record of a command id, however old it is; None if there is none."""
        self._check_open()
        record = self._ids.get(command_id)
        return None if record is None else _copy(record)

    def version(self, aggregate: AggregateId) -> int:
        """Return how many events the aggregate has."""
        self._check_open()
        stream = self._streams.get(aggregate)
        return stream[-1].last_version if stream else 0

    def lasting(self, aggregate: AggregateId) -> int:
        """Return how many lasting records follow the aggregate's last event."""
        self._check_open()
        stream = reversed(self._streams.get(aggregate, ()))
        return sum(1 for _ in takewhile(lambda record: not record.events, stream))

    def position(self) -> int:
        """Return the position of the last event, which is the number of events without gaps."""
        self._check_open()
        return self._log[-1].last_position if self._log else 0

    def wake(self, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Journal.wake`. The callback is called after each append."""
        self._check_open()
        return self._wakes.add(callback)

    def aggregates(self, start: AggregateId | None = None) -> Iterator[tuple[AggregateId, int]]:
        """See `Journal.aggregates`."""
        self._check_open()
        found = [one for one in sorted(self._streams) if start is None or one >= start]
        versions = [(one, self.version(one)) for one in found]
        return iter([(one, version) for one, version in versions if version])

    def snapshot(self, aggregate: AggregateId, upto: int | None = None) -> Snapshot | None:
        """Return the newest snapshot at version `upto` or earlier; None if there is none."""
        self._check_open()
        kept = reversed(self._snapshots.get(aggregate, ()))
        return next((one for one in kept if upto is None or one.version <= upto), None)

    def kinds(self) -> Mapping[EventKind, int]:
        """Count the events of each kind, all of them at each call."""
        self._check_open()
        return kinds_in(self._log[:])

    def figures(self) -> JournalFigures:
        """Return the journal's counts."""
        position = self.position()
        return JournalFigures(position, self._events, self._commits, len(self._every), size=0)

    def lineage(self) -> Lineage:
        """Return the name of this journal, which has no backups."""
        return self._lineage

    def maintain(self) -> None:
        """Do nothing: memory needs no maintenance."""

    def abandon(self) -> None:
        """Do nothing: a journal in memory holds no locks of files."""

    def close(self) -> None:
        """Keep the data, and raise `Closed` at every later call."""
        self._closed = True
        self._wakes.forget()

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("this journal is closed")


def _copy(record: Record) -> Record:
    """Return the record with copies of its events' fields, which the reader may change."""
    fields = unpackb(packed([one.data for one in record.events]), use_list=False)
    events = zip(record.events, fields, strict=True)
    return record._replace(events=tuple([one._replace(data=data) for one, data in events]))
