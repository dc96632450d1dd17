"""What a journal is: the durable, ordered log of what every command did. Adapters implement it.

`MemoryJournal` is the shortest complete one and explains it; `LmdbJournal` is the default. Both
pass the contract suite in `tests/contract`. A journal knows bytes and names, no classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from comity.engine.aggregate_id import AggregateId

MAX_ID_BYTES = 200
"""A command id is 1 to 200 bytes of UTF-8."""


class StoredEvent(NamedTuple):
    """An event as it is kept: a stable name, a schema version and a msgpack map of its fields."""

    name: str
    schema: int
    data: bytes


class Entry(NamedTuple):
    """What one command did, to be appended: events, or none (a refusal, or nothing to do)."""

    aggregate: AggregateId
    expected: int
    """The aggregate's version that the decision was made at."""
    command_id: str
    events: tuple[StoredEvent, ...]
    time: int
    """When it was decided: microseconds since 1970, UTC."""
    note: bytes
    """Who, why and with what outcome; opaque to the journal (see `comity.engine.history.note`)."""
    retry: bool = False
    """The id may have been used before, so look it up. False promises that it is new."""
    lasting: bool = False
    """Without events, and yet a part of the aggregate's history: `read` gives it."""
    known: int | None = None
    """How many lasting records at that version the decision knew of; None: it rests on none."""


class Record(NamedTuple):
    """An entry as the journal gives it back."""

    aggregate: AggregateId
    version: int
    """The aggregate's version before the first event; its events have version+1, version+2, ..."""
    position: int
    """The journal's position before the first event; its events have position+1, position+2, ..."""
    command_id: str
    events: tuple[StoredEvent, ...]
    time: int
    note: bytes


class Appended(NamedTuple):
    """The entry is durable. Version and position are those after its last event."""

    version: int
    position: int


class Stale(NamedTuple):
    """Nothing was stored: the aggregate stands elsewhere than where the decision was made."""

    version: int
    """Where it stands."""


class Repeated(NamedTuple):
    """Nothing was stored: the command id has been recorded before, with this record."""

    record: Record


Appending: TypeAlias = Appended | Stale | Repeated


class Snapshot(NamedTuple):
    """An aggregate's state at a version: a cache that may vanish at any time, never the truth."""

    aggregate: AggregateId
    version: int
    schema: str
    """The hash of the state's schema; another hash means: do not use it."""
    data: bytes


class JournalFigures(NamedTuple):
    """What a journal counts, for `domain.statistics()` and `comity stats`."""

    position: int
    """Events in the journal."""
    commits: int
    """Transactions that appended them."""
    records: int
    """Commands recorded, refusals included."""
    size: int
    """Bytes on disk; 0 for a journal in memory."""


class Journal(Protocol):
    """The durable, ordered log of all events, and of the answer to every command id.

    Threads: of `append`, `recover` and `close` one is called at a time (under the committer's
    role); everything else from any thread at any time. Whatever a reader sees is durable.
    """

    def append(
        self, entries: Sequence[Entry], snapshots: Sequence[Snapshot] = ()
    ) -> list[Appending]:
        """Store the entries in order, in one transaction, and return when they are durable.

        One result per entry, in order. An entry whose `expected` is not its aggregate's version
        (or, where others append as well, `known` not the number of its lasting records there)
        is `Stale`; one marked `retry` whose id is recorded is `Repeated`; either one makes all
        later entries of the same aggregate in this call `Stale`, because those were decided on
        a state that did not come about. The others are stored all the same.

        Raises:
            StorageFailed: it is certain that nothing of this call is stored.
            OutcomeUnknown: it may be; call `recover`, then look the ids up with `find`.
        """
        ...

    def recover(self) -> None:
        """Make the journal usable after a failed `append`; what it then shows is durable.

        Raises:
            StorageFailed: it still cannot write; call again later.
        """
        ...

    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        """The records that hold the aggregate's events from version after+1 (to `upto`), in order.

        The first and last record may hold events outside of that range as well. A lasting record
        comes after the one that made its version, if that is in the range; others without events
        are not given.
        """
        ...

    def read_backwards(self, aggregate: AggregateId, upto: int | None = None) -> Iterator[Record]:
        """The same, newest first, from the record that holds version `upto` (default: the last)."""
        ...

    def read_all(self, after: int = 0) -> Iterator[Record]:
        """The records that hold the events from position after+1, in order, up to the present."""
        ...

    def follow(self, after: int = 0) -> Iterator[Sequence[Record]]:
        """Never ends: batches from position after+1 on; an empty one whenever it has caught up.

        It does not wait: who reads it decides how to wait after an empty batch.
        """
        ...

    def find(self, command_id: str) -> Record | None:
        """The record of a command id, within the window that the journal states.

        Before `recover`, what a failed `append` has stored need not be found; all else is.
        """
        ...

    def version(self, aggregate: AggregateId) -> int:
        """How many events the aggregate has; 0 when it was never heard of."""
        ...

    def lasting(self, aggregate: AggregateId) -> int:
        """How many lasting records the aggregate has at its version."""
        ...

    def position(self) -> int:
        """How many events the journal has: the position of the last one."""
        ...

    def aggregates(self) -> Iterator[tuple[AggregateId, int]]:
        """Every aggregate that has events, with its version, in order of type and key."""
        ...

    def snapshot(self, aggregate: AggregateId) -> Snapshot | None:
        """The newest snapshot of the aggregate that is kept, if any."""
        ...

    def figures(self) -> JournalFigures:
        """What the journal counts."""
        ...

    def maintain(self) -> None:
        """Small chores; the committer calls it every few seconds."""
        ...

    def abandon(self) -> None:
        """In a forked child: let go of what would lock the parent's journal, touch nothing else."""
        ...

    def close(self) -> None:
        """Release everything. Closing twice is harmless; other calls raise `Closed` afterwards."""
        ...
