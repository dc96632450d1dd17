"""The protocol of a journal: the durable, ordered log of all commands with their events.

`MemoryJournal` is the shortest complete one and explains it; `LmdbJournal` is the default. Both
pass `comity.testing.contract`. A journal knows bytes and names, no classes of events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.lineage import Lineage
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn


class JournalFigures(NamedTuple):
    """A journal's counts, for `domain.statistics()` and `comity stats`."""

    position: int
    """The position of the last event."""
    events: int
    """Events in the journal: at most `position`, because positions may have gaps."""
    commits: int
    """Transactions that appended records."""
    records: int
    """Commands recorded, refusals included; also those that were dropped since."""
    size: int
    """Bytes on disk; 0 for a journal in memory."""
    dropped: int = 0
    """Records without events that `comity compact` has dropped: their numbers are gaps."""


class Journal(Protocol):
    """The durable, ordered log of all events, and of the answer to every command id.

    Each event has a position, larger than the positions of all earlier events. Positions may be
    missing between two turns, never within a turn.

    Threads: `append`, `recover` and `close` are called one at a time, under the committer's role.
    Any thread may call any other method at any time. Readers see durable records only.
    """

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> Sequence[Result]:
        """Store turns in order; return one result for each turn, when they are durable.

        Each turn is stored completely, with its snapshot, or not at all; `judge` decides. If a
        turn is not stored, or its result is `Unknown`, then all later turns of the same aggregate
        in this call are `Stale`: they were decided on a state that was never stored. Turns of
        other aggregates are stored all the same.

        Args:
            turns: the decided turns.
            snapshots: snapshots of states that earlier calls stored.

        Raises:
            StorageFailed: it is certain that nothing of this call is stored.
            OutcomeUnknown: every turn of this call is `Unknown`.
            Invalid: an entry can never be stored; nothing of this call is stored.
        """
        ...

    def news(self) -> int:
        """Look for records of other writers; return a number that grows when there are any.

        An actor calls this before each turn, so it must be cheap: less than a microsecond while
        there is nothing new. It may also grow with the records of this writer. If it stays the
        same, then no other writer's record can be read that could not be read before.
        """
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keep other writers from appending, inside the `with` block, up to its first `append`.

        Inside it, `version` and `read` show everything that all writers have stored. So a turn
        that is decided there, on what they show, is not `Stale`. The committer enters it for
        aggregates that several processes write, under its role and for a few milliseconds only. A
        journal that cannot keep others away does nothing: such turns may be `Stale` again.

        Raises:
            StorageFailed: the journal cannot be written now.
        """
        ...

    def recover(self) -> None:
        """Make the journal usable after a failed `append`; readers then see durable records only.

        Every `Unknown` turn is then either stored, or never will be.

        Raises:
            StorageFailed: the journal still cannot be written; call again later.
        """
        ...

    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        """Read the records of the aggregate's events from version after+1 to `upto`, in order.

        The first and last record may also hold events outside this range. A lasting record follows
        the record that made its version, if that version is in the range. Other records without
        events are left out.
        """
        ...

    def since(self, aggregate: AggregateId, version: int, lasting: int | None) -> Iterator[Record]:
        """Read the aggregate's records with events after `version`, and the lasting records there.

        An actor calls this to catch up with other writers: `version` is the last one of a record
        that it has. Any journal may return `read_since`, which uses `read`.

        Args:
            aggregate: the aggregate.
            version: where to begin.
            lasting: how many lasting records at that version to leave out; None: all of them.
        """
        ...

    def read_backwards(self, aggregate: AggregateId, upto: int | None = None) -> Iterator[Record]:
        """Read like `read`, newest first, from the record that holds `upto` (default: the last)."""
        ...

    def read_all(self, after: int = 0) -> Iterator[Record]:
        """Read the records of all events from position after+1 up to the present, in order."""
        ...

    def read_every(self, after: int = 0) -> Iterator[Numbered]:
        """Read all records up to the present, also those without events, in the order of storing.

        Args:
            after: a record's number; the first record given is the next one. With 0, the default,
                it is the journal's first.
        """
        ...

    def follow(self, after: int = 0) -> Iterator[Sequence[Record]]:
        """Give batches of records from position after+1 on, without end.

        A batch is empty when the reader has caught up. The iterator does not wait: the reader
        decides how to wait after an empty batch.
        """
        ...

    def find(self, command_id: str) -> Record | None:
        """Return the record of a command id, within the window that the journal documents.

        The ids of `Unknown` turns may be missing until `recover` has returned. After that, an id
        that is not found was never stored and never will be.
        """
        ...

    def version(self, aggregate: AggregateId) -> int:
        """Return how many events the aggregate has; 0 if the journal does not know it."""
        ...

    def lasting(self, aggregate: AggregateId) -> int:
        """Return how many lasting records the aggregate has at its current version."""
        ...

    def position(self) -> int:
        """Return the position of the last event; 0 if there is none."""
        ...

    def wake(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Register a callback for new records, of any writer; return a function that ends this.

        The callback is called soon after new records can be read, on any thread, perhaps inside
        `append`, and sometimes without new records. It must return at once and let another thread
        read.
        """
        ...

    def aggregates(self, start: AggregateId | None = None) -> Iterator[tuple[AggregateId, int]]:
        """List every aggregate that has events, with its version, in order of type and key.

        Args:
            start: leave out those before it; it need not exist, and its key may be empty.
        """
        ...

    def snapshot(self, aggregate: AggregateId, upto: int | None = None) -> Snapshot | None:
        """Return the newest snapshot that is kept, at version `upto` or earlier; None without one.

        A journal keeps the newest two snapshots of an aggregate. So a slightly older state need not
        be computed from the first event.
        """
        ...

    def kinds(self) -> Mapping[EventKind, int]:
        """Return how many events of each kind the journal has.

        A domain calls this when it is opened. So a journal that may be long counts events when it
        stores them: `Turn.kinds` names them.
        """
        ...

    def figures(self) -> JournalFigures:
        """Return the journal's counts."""
        ...

    def lineage(self) -> Lineage:
        """Return where the journal comes from: its name, and each restore from a backup."""
        ...

    def maintain(self) -> None:
        """Do small regular work; the committer calls it every few seconds."""
        ...

    def abandon(self) -> None:
        """Release the parent's locks in a forked child; touch nothing else."""
        ...

    def close(self) -> None:
        """Release everything. Closing twice is harmless; other calls raise `Closed` afterwards."""
        ...
