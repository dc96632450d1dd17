"""The disk of a simulated world: a journal that several processes share, with its faults.

What was appended is durable once it was flushed. A power cut loses the rest; the crash of a process
loses nothing that it has written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comity.engine.errors import OutcomeUnknown, StorageFailed
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.simulation.runtime.process_steps import ProcessSteps
from comity.simulation.runtime.tape import Tape


@dataclass
class DiskFaults:
    """How often an append meets which fault. All probabilities are 0 by default."""

    slow: float = 0.0
    """It takes up to `seconds`, half of it before the data are on the disk and half after it."""
    seconds: float = 0.005
    failing: float = 0.0
    """`StorageFailed`: nothing is stored."""
    unknown: float = 0.0
    """`OutcomeUnknown`: it is stored or not, each in half of the cases."""
    recovers: float = 0.7
    """How likely a failed disk works again when the domain tries. Not a fault."""
    power_cut: float = 0.0
    """The power is cut between the write and the flush."""


class Disk:
    """A journal's data, and what happens to them. Processes use it through a `DiskJournal`.

    Args:
        tape: decides when which fault comes.
        faults: how often they come.
        cut_power: called when the power is cut.
    """

    def __init__(self, tape: Tape, faults: DiskFaults, cut_power: Callable[[], None]) -> None:
        self.faults = faults
        self.data = Platters()
        """What all processes read."""
        self.is_down = False
        """Whether nothing can be written, until this is set to False."""
        self._broken = False
        self._cut_power = cut_power
        self._dice = tape.stream("disk")

    def append(
        self, process: ProcessSteps, turns: Sequence[Turn], snapshots: Sequence[Snapshot]
    ) -> list[Result]:
        """Store the turns for a process, unless a fault comes; see `Journal.append`."""
        dice, faults = self._dice, self.faults
        slow = faults.seconds * dice.random() / 2 if dice.chance(faults.slow) else 0.0
        self._wait(process, slow)
        if self.is_down or self._broken or dice.chance(faults.failing):
            self._broken = True
            raise StorageFailed("the simulated disk has failed")
        unknown = dice.chance(faults.unknown)
        if unknown and not dice.chance(0.5):
            self._fail_unknown()
        results = self._store(turns, snapshots)
        if unknown:
            self._fail_unknown()
        self._wait(process, slow)
        process.check_alive()
        return results

    def recover(self) -> None:
        """Make it work again, if it does; see `Journal.recover`."""
        if self._broken and (self.is_down or not self._dice.chance(self.faults.recovers)):
            raise StorageFailed("the simulated disk still does not work")
        self._broken = False

    def lose_unflushed(self) -> None:
        """Lose what was not flushed, because the power was cut."""
        self.data.lose_unflushed()
        self._broken = False

    def _store(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot]) -> list[Result]:
        results = self.data.write(turns, snapshots)
        if self._dice.chance(self.faults.power_cut):
            self._cut_power()
        else:
            self.data.flush()
            self.data.wake_readers()
        return results

    def _fail_unknown(self) -> None:
        self._broken = True
        raise OutcomeUnknown("the simulated disk has failed in the middle of a commit")

    def _wait(self, process: ProcessSteps, seconds: float) -> None:
        """Let other steps come first; the process may crash meanwhile."""
        if seconds:
            process.wait_until(lambda: False, seconds)


class Platters(MemoryJournal):
    """A journal in memory that can lose what was not flushed."""

    def __init__(self) -> None:
        super().__init__()
        self._unflushed: list[Record] = []

    def write(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot]) -> list[Result]:
        """Append without waking readers: they must not see what is not flushed."""
        return self._append_all(turns, snapshots)

    def wake_readers(self) -> None:
        """Tell readers that there is more."""
        self._wakes.ring()

    def flush(self) -> None:
        """Make durable what was appended."""
        self._unflushed.clear()

    def lose_unflushed(self) -> None:
        """Go back to what was flushed."""
        for record in reversed(self._unflushed):
            self._every.pop()  # they are the last ones
            self._events -= len(record.events)
            del self._ids[record.command_id]
            if record.events:
                self._log.remove(record)
            if record.events or record.lasting:
                self._streams[record.aggregate].remove(record)
        self._unflushed.clear()
        for aggregate, kept in self._snapshots.items():
            version = self.version(aggregate)
            self._snapshots[aggregate] = [one for one in kept if one.version <= version]

    def _store(self, record: Record) -> None:
        super()._store(record)
        self._unflushed.append(record)
