"""What a journal is: the durable, ordered log of what every command did. Adapters implement it.

`MemoryJournal` is the shortest complete one and explains it; `LmdbJournal` is the default. Both
pass `comity.testing.contract`. A journal knows bytes and names, no classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn


class JournalFigures(NamedTuple):
    """What a journal counts, for `domain.statistics()` and `comity stats`."""

    position: int
    """That of the last event."""
    events: int
    """Events in the journal: no more than its position, which may have gaps before it."""
    commits: int
    """Transactions that appended them."""
    records: int
    """Commands recorded, refusals included."""
    size: int
    """Bytes on disk; 0 for a journal in memory."""


class Journal(Protocol):
    """The durable, ordered log of all events, and of the answer to every command id.

    Each event has a position, which is larger than that of every event before it. Between the
    events of two turns positions may be missing, within a turn never.

    Threads: of `append`, `recover` and `close` one is called at a time (under the committer's
    role); everything else from any thread at any time. Whatever a reader sees is durable.
    """

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> Sequence[Result]:
        """Store turns, in order, and return when they are durable: one result for each.

        Each turn is stored as a whole or not at all, and its snapshot with it; `judge` decides.
        One that is not stored, or of which that is not known, makes all later turns of the same
        aggregate in this call `Stale`, because those were decided on a state that did not come
        about. The others are stored all the same. `snapshots` are of states that were stored
        before.

        Raises:
            StorageFailed: it is certain that nothing of this call is stored.
            OutcomeUnknown: all of it is `Unknown`.
            Invalid: an entry can never be stored; nothing of this call is.
        """
        ...

    def recover(self) -> None:
        """Make the journal usable after a failed `append`; what it then shows is durable.

        What became of every turn that was `Unknown` is settled by then.

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

        Before `recover`, what became of `Unknown` turns need not be found; all else is. After it
        their ids are found, or were never stored and never will be.
        """
        ...

    def version(self, aggregate: AggregateId) -> int:
        """How many events the aggregate has; 0 when it was never heard of."""
        ...

    def lasting(self, aggregate: AggregateId) -> int:
        """How many lasting records the aggregate has at its version."""
        ...

    def position(self) -> int:
        """The position of the last event; 0 when there is none."""
        ...

    def wake(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back soon after more can be read, whoever wrote it.

        What this returns ends that. The callback is called from any thread, perhaps from inside
        `append`, and sometimes for nothing; it returns at once, and has another thread read.
        """
        ...

    def aggregates(self) -> Iterator[tuple[AggregateId, int]]:
        """Every aggregate that has events, with its version, in order of type and key."""
        ...

    def snapshot(self, aggregate: AggregateId, upto: int | None = None) -> Snapshot | None:
        """The newest snapshot that is kept, if any: of version `upto`, if given, or before it.

        A journal keeps the newest one and the one before, so that a state of a moment ago need not
        be made from the first event.
        """
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
