"""A journal in memory whose writing fails as told: before, after, once, or until it is mended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from comity.engine.errors import OutcomeUnknown, StorageFailed, StorageFull
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn


class FaultyJournal(MemoryJournal):
    """Fails as `fault` says; None: works."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Callable[[FaultyJournal, Sequence[Turn]], list[Result]] | None = None
        self.recoverable = True

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Append, or fail as told."""
        if self.fault is not None:
            return self.fault(self, turns)
        return super().append(turns, snapshots)

    def recover(self) -> None:
        """Recover, if that works."""
        if not self.recoverable:
            msg = "the disk is gone"
            raise StorageFailed(msg)

    def really_append(self, turns: Sequence[Turn]) -> None:
        """Append whatever the fault."""
        super().append(turns)


def full(journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
    """The disk is full, as long as this stands."""
    msg = "the disk is full"
    raise StorageFull(msg)


def lost(journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
    """Once: it failed, and nothing was stored."""
    journal.fault = None
    msg = "commit failed"
    raise OutcomeUnknown(msg)


def stored(journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
    """Once: it failed, and everything was stored all the same."""
    journal.fault = None
    journal.really_append(turns)
    msg = "commit failed"
    raise OutcomeUnknown(msg)


def out_of_memory(journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
    """Once: something that is no error of ours."""
    journal.fault = None
    raise MemoryError
