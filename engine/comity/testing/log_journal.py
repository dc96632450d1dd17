"""A journal that behaves as a distributed log does, in memory: for tests of adapters and domains.

What a network does to those who append, a seed decides here: positions have gaps, since others use
the log as well; an append gets no answer, and its turn is stored late or never; other writers come
in between; and who waits for more is told of it late.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Final, NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.result import Result, Unknown
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Entry, Turn
from comity.engine.journal.wakes import Wakes
from comity.engine.runtime.system import Lock, pause


class Chances(NamedTuple):
    """How often what goes wrong, of 1."""

    gap: float = 0.5
    """Positions are missing before a turn."""
    silence: float = 0.1
    """A turn gets no answer."""
    loss: float = 0.5
    """Of those: it is never stored; the others are stored later."""
    others: float = 0.0
    """Another writer, of something else, comes before a turn."""
    late: bool = True
    """Callbacks are called on another thread, a little later."""


USUAL: Final = Chances()


class LogJournal(MemoryJournal):
    """Implements `Journal`. It outlives who closes it where `shared`, as a log does."""

    def __init__(self, seed: int, chances: Chances = USUAL, *, shared: bool = False) -> None:
        super().__init__()
        self._dice = random.Random(seed)  # noqa: S311 - the same for the same seed
        self._chances = chances
        self._shared = shared
        self._late: list[Turn] = []
        """Turns that got no answer, and are on their way."""
        self._wakes = _LateWakes() if chances.late else Wakes()
        self._others = 0

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Store the turns in order, or not know; see `Journal.append`."""
        results = super().append(turns, snapshots)
        self._arrive(0.2)
        return results

    def recover(self) -> None:
        """What is still on its way is stored, or refused, and never comes about then."""
        super().recover()
        self._arrive(1.0)

    def position(self) -> int:
        """The position of the last event; who asks may come upon a turn that was late."""
        self._arrive(0.2)
        return super().position()

    def close(self) -> None:
        """Forget nothing, answer nothing."""
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
        """Let turns that are late arrive: each is judged as it would have been, only now."""
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
        entry = Entry(f"elsewhere-{self._others}", (StoredEvent("Happened", 1, b"\x80"),), 0, b"")
        return Turn(aggregate, self.version(aggregate), (entry,))


class _LateWakes(Wakes):
    """Wakes a little later, on another thread; once for what comes meanwhile."""

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
