"""A journal in memory that behaves like a distributed log: for tests of adapters and domains.

A seed decides which faults of a network occur:

- positions and numbers have gaps, because others also use the log;
- an append gets no answer, and its turn is stored late or never;
- another writer appends before a turn;
- callbacks of `wake` are called late.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from threading import Thread
from typing import Final, NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.entry import Entry
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.result import Result, Unknown
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.engine.journal.wakes import Wakes
from comity.engine.runtime.system import Lock, pause


class Chances(NamedTuple):
    """The probability of each fault, from 0 to 1."""

    gap: float = 0.5
    """Positions are missing before a turn with events."""
    silence: float = 0.1
    """A turn gets no answer."""
    loss: float = 0.5
    """A turn without an answer is never stored; otherwise it is stored later."""
    others: float = 0.0
    """Another writer appends to another aggregate before a turn."""
    late: bool = True
    """Callbacks are called on another thread, a little later."""


USUAL: Final = Chances()

_NUMBERS: Final = 3
"""Each record's number is so much larger than that of the record before."""


class LogJournal(MemoryJournal):
    """Implements `Journal`. If `shared`, it stays usable after `close`, like a real log."""

    def __init__(self, seed: int, chances: Chances = USUAL, *, shared: bool = False) -> None:
        super().__init__()
        self._dice = random.Random(seed)  # noqa: S311 - the same for the same seed
        self._chances = chances
        self._shared = shared
        self._late: list[Turn] = []
        """Turns that got no answer, and will be stored later."""
        self._wakes = _LateWakes() if chances.late else Wakes()
        self._others = 0

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Store the turns in order; some results are `Unknown`. See `Journal.append`."""
        results = super().append(turns, snapshots)
        self._arrive(0.2)
        return results

    def recover(self) -> None:
        """Store or refuse all late turns; a refused turn is never stored."""
        super().recover()
        self._arrive(1.0)

    def position(self) -> int:
        """Return the position of the last event; late turns may be stored first."""
        self._arrive(0.2)
        return super().position()

    def read_every(self, after: int = 0) -> Iterator[Numbered]:
        """See `Journal.read_every`. There are gaps: others also use the log."""
        every = super().read_every(after // _NUMBERS)
        return (Numbered(number * _NUMBERS, record) for number, record in every)

    def close(self) -> None:
        """Close the journal; do nothing if it is `shared`."""
        if not self._shared:
            super().close()

    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        dice, chances = self._dice, self._chances
        if dice.random() < chances.others:
            super()._append(self._by_another(), set())
        if turn.aggregate not in refused and dice.random() < chances.silence:
            refused.add(turn.aggregate)
            if dice.random() >= chances.loss:
                self._late.append(turn)
            return Unknown("the log gave no answer in time")
        return super()._append(turn, refused)

    def _start(self, turn: Turn) -> int:
        position = super()._start(turn)
        if turn.events and self._dice.random() < self._chances.gap:
            position += self._dice.choice((1, 2, 1_000))
        return position

    def _arrive(self, chance: float) -> None:
        """Perhaps append the late turns, with this chance; each is judged on the current state."""
        if not self._late or not self._lock.acquire(blocking=False):
            return
        try:
            if self._dice.random() < chance:
                late, self._late = self._late, []
                for turn in late:
                    super()._append(turn, set())
        finally:
            self._lock.release()
        self._wakes.ring()

    def _by_another(self) -> Turn:
        self._others += 1
        aggregate = AggregateId("elsewhere", f"{self._others % 3}")
        entry = Entry(f"elsewhere-{self._others}", (StoredEvent("Happened", 1, {}),), 0, b"")
        return Turn.of(aggregate, self.version(aggregate), [entry])


class _LateWakes(Wakes):
    """Calls the callbacks a little later, on another thread; several rings may give one call."""

    LATE = 0.002
    """Seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._due = False
        self._guard = Lock()

    def ring(self) -> None:
        if not self._callbacks:
            return
        with self._guard:
            if self._due:
                return
            self._due = True
        Thread(target=self._ring_late, args=[super().ring], daemon=True).start()

    def _ring_late(self, ring: Callable[[], None]) -> None:
        pause(self.LATE)
        with self._guard:
            self._due = False
        ring()
