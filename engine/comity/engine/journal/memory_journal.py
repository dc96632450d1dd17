"""A journal in memory: the shortest complete one. Tests, simulations and whoever reads on use it.

It is what the `Journal` protocol means, in plain lists and dicts; every other journal is this
one plus a disk. It keeps every command id for as long as it lives.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import takewhile
from threading import Lock

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import Closed
from comity.engine.journal.journal import (
    Appended,
    Appending,
    Entry,
    JournalFigures,
    Record,
    Repeated,
    Snapshot,
    Stale,
)


class MemoryJournal:
    """Implements `Journal` without a disk. Several domains may append to one at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._closed = False
        self._log: list[Record] = []
        """Every record that has events."""
        self._streams: dict[AggregateId, list[Record]] = {}
        """Those of each aggregate, and its lasting ones."""
        self._ids: dict[str, Record] = {}
        self._snapshots: dict[AggregateId, Snapshot] = {}
        self._commits = self._records = 0

    def append(
        self, entries: Sequence[Entry], snapshots: Sequence[Snapshot] = ()
    ) -> list[Appending]:
        """Store the entries in order; see `Journal.append`. It never fails."""
        self._check_open()
        with self._lock:
            poisoned: set[AggregateId] = set()
            before = self._records
            results = [self._append(entry, poisoned) for entry in entries]
            self._commits += self._records > before
            for snapshot in snapshots:
                self._keep(snapshot)
            return results

    def _append(self, entry: Entry, poisoned: set[AggregateId]) -> Appending:
        version = self.version(entry.aggregate)
        if entry.aggregate in poisoned:
            return Stale(version)
        if entry.retry and entry.command_id in self._ids:
            poisoned.add(entry.aggregate)
            return Repeated(self._ids[entry.command_id])
        if entry.expected != version or entry.known not in (None, self.lasting(entry.aggregate)):
            poisoned.add(entry.aggregate)
            return Stale(version)
        record = Record(
            entry.aggregate,
            version,
            self.position(),
            entry.command_id,
            entry.events,
            entry.time,
            entry.note,
        )
        self._records += 1
        self._ids[entry.command_id] = record
        if record.events:
            self._log.append(record)
        if record.events or entry.lasting:
            self._streams.setdefault(entry.aggregate, []).append(record)
        return Appended(_last_version(record), _last_position(record))

    def _keep(self, snapshot: Snapshot) -> None:
        kept = self._snapshots.get(snapshot.aggregate)
        oldest = kept.version if kept else 0
        if oldest <= snapshot.version <= self.version(snapshot.aggregate):
            self._snapshots[snapshot.aggregate] = snapshot

    def recover(self) -> None:
        """There is nothing to repair."""
        self._check_open()

    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        """The records of the versions after+1 to `upto`, in order."""
        self._check_open()
        stream = self._streams.get(aggregate, [])
        start = bisect_right(stream, after, key=_last_version)
        if upto is None:
            return iter(stream[start:])
        stop = bisect_right(stream, upto - 1, key=lambda one: one.version - (not one.events))
        return iter(stream[start : stop if after < upto else start])

    def read_backwards(self, aggregate: AggregateId, upto: int | None = None) -> Iterator[Record]:
        """The records from the one that holds version `upto` (default: the last) to the first."""
        return reversed(list(self.read(aggregate, 0, upto)))

    def read_all(self, after: int = 0) -> Iterator[Record]:
        """The records of the positions from after+1 on, in order, up to the present."""
        self._check_open()
        return iter(self._log[bisect_right(self._log, after, key=_last_position) :])

    def follow(self, after: int = 0) -> Iterator[Sequence[Record]]:
        """Never ends: what is new since the last batch, which may be nothing."""
        while True:
            batch = tuple(self.read_all(after))
            if batch:
                after = _last_position(batch[-1])
            yield batch

    def find(self, command_id: str) -> Record | None:
        """The record of a command id, however old it is."""
        self._check_open()
        return self._ids.get(command_id)

    def version(self, aggregate: AggregateId) -> int:
        """How many events the aggregate has."""
        self._check_open()
        stream = self._streams.get(aggregate)
        return _last_version(stream[-1]) if stream else 0

    def lasting(self, aggregate: AggregateId) -> int:
        """How many lasting records stand after the aggregate's last event."""
        self._check_open()
        stream = reversed(self._streams.get(aggregate, ()))
        return sum(1 for _ in takewhile(lambda record: not record.events, stream))

    def position(self) -> int:
        """How many events the journal has."""
        self._check_open()
        return _last_position(self._log[-1]) if self._log else 0

    def aggregates(self) -> Iterator[tuple[AggregateId, int]]:
        """Every aggregate with its version, in order of type and key."""
        self._check_open()
        return iter([(aggregate, self.version(aggregate)) for aggregate in sorted(self._streams)])

    def snapshot(self, aggregate: AggregateId) -> Snapshot | None:
        """The newest snapshot of the aggregate."""
        self._check_open()
        return self._snapshots.get(aggregate)

    def figures(self) -> JournalFigures:
        """What the journal counts."""
        return JournalFigures(self.position(), self._commits, self._records, size=0)

    def maintain(self) -> None:
        """There are no chores in memory."""

    def abandon(self) -> None:
        """There is nothing to let go of in memory."""

    def close(self) -> None:
        """Forget nothing, answer nothing."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("this journal is closed")


def _last_version(record: Record) -> int:
    return record.version + len(record.events)


def _last_position(record: Record) -> int:
    return record.position + len(record.events)
