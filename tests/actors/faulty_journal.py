"""A journal in memory whose writing fails as told: before, after, once, or until it is mended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from comity.engine.errors import OutcomeUnknown, StorageFailed, StorageFull
from comity.engine.journal.journal import Appending, Entry, Snapshot
from comity.engine.journal.memory_journal import MemoryJournal


class FaultyJournal(MemoryJournal):
    """Fails as `fault` says; None: works."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Callable[[FaultyJournal, Sequence[Entry]], list[Appending]] | None = None
        self.recoverable = True

    def append(
        self, entries: Sequence[Entry], snapshots: Sequence[Snapshot] = ()
    ) -> list[Appending]:
        """Append, or fail as told."""
        if self.fault is not None:
            return self.fault(self, entries)
        return super().append(entries, snapshots)

    def recover(self) -> None:
        """Recover, if that works."""
        if not self.recoverable:
            msg = "the disk is gone"
            raise StorageFailed(msg)

    def really_append(self, entries: Sequence[Entry]) -> None:
        """Append whatever the fault."""
        super().append(entries)


def full(journal: FaultyJournal, entries: Sequence[Entry]) -> list[Appending]:
    """The disk is full, as long as this stands."""
    msg = "the disk is full"
    raise StorageFull(msg)


def lost(journal: FaultyJournal, entries: Sequence[Entry]) -> list[Appending]:
    """Once: it failed, and nothing was stored."""
    journal.fault = None
    msg = "commit failed"
    raise OutcomeUnknown(msg)


def stored(journal: FaultyJournal, entries: Sequence[Entry]) -> list[Appending]:
    """Once: it failed, and everything was stored all the same."""
    journal.fault = None
    journal.really_append(entries)
    msg = "commit failed"
    raise OutcomeUnknown(msg)


def out_of_memory(journal: FaultyJournal, entries: Sequence[Entry]) -> list[Appending]:
    """Once: something that is no error of ours."""
    journal.fault = None
    raise MemoryError
