"""A journal in memory whose writing fails as told: before, after, once, or until it is mended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from tests.actors.notebook import Written

from comity.engine import AggregateId, Outcome
from comity.engine.errors import OutcomeUnknown, StorageFailed, StorageFull
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import store


class FaultyJournal(MemoryJournal):
    """Fails as `fault` says; None: works."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Fault | None = None
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


Fault: TypeAlias = Callable[[FaultyJournal, Sequence[Turn]], list[Result]]


class Overtaken(FaultyJournal):
    """Its first append waits until it is released, or until another process has appended."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.released = threading.Event()
        self.fault = self._wait

    def _wait(self, _journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
        self.fault = None
        self.entered.set()
        assert self.released.wait(60)
        return self.append(turns)

    def overtake(self, command_id: str = "eve-1") -> None:
        """Append to the notebook "a" what another process would, and let the first append go on."""
        self.really_append([foreign(command_id, 0)])
        self.released.set()


def foreign(command_id: str, expected: int) -> Turn:
    """What another process writes into the notebook "a"."""
    note = Note("eve", "e", None, "Write", None, Outcome.APPLIED, {}, None, None, None).pack()
    event = store(Written(page="p", text="eve"))
    entry = Entry(command_id, (event,), 0, note)
    return Turn.of(AggregateId("notebook", "a"), expected, (entry,))


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
