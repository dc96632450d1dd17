"""The steps of a simulation, ready or due later, and the time that passes between them.

All simulated processes of a run share one timeline. It does one step at a time, in one thread.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable

from comity.actors.runtime.engine_thread import Acting, is_helping
from comity.actors.runtime.runtime import Runnable
from comity.simulation.runtime.order import Order
from comity.simulation.runtime.step import Step
from comity.simulation.runtime.tape import Tape

EARLY = 0.02
"""How often a timer comes although there is something else to do."""
MOMENT = 0.00005
"""The seconds that a step takes."""


class Timeline:
    """Does what is to be done, in the order that the tape tells."""

    def __init__(self, tape: Tape, order: Order) -> None:
        order.begin(tape)
        self.tape = tape
        self.early_within = float("inf")
        """A timer comes early only if it is due within so many seconds. Time goes on to it."""
        self.time = 0.0
        """Seconds since the beginning."""
        self.steps = 0
        """How many steps were done."""
        self.trace = 0
        """A checksum of all steps, in their order and with their times."""
        self.ready: list[Step] = []
        """The steps that may be done now, the oldest first."""
        self._order = order
        self._picks = tape.stream("order")
        self._early = tape.stream("early timers")
        self._turns: list[Runnable] = []
        self._later: list[tuple[float, int, Step]] = []
        self._numbers = 0

    def number(self) -> int:
        """Return a number that nobody else gets."""
        self._numbers += 1
        return self._numbers

    def add_later(self, seconds: float, step: Step) -> None:
        """Make the step due after these seconds."""
        heapq.heappush(self._later, (self.time + max(0.0, seconds), self.number(), step))

    def drop_crashed(self) -> None:
        """Drop the steps of processes that have crashed."""
        self.ready = [step for step in self.ready if not step.dropped]

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Do what is to be done until the condition holds. False: the seconds are over."""
        until = self.time + seconds
        while not condition():
            if self.time >= until:
                return False
            if is_helping():  # in a turn's place: nobody else has one meanwhile
                self.time = until
            else:
                self._go_on(until)
        return True

    def _go_on(self, until: float) -> None:
        """Do one thing, or let time go on to that moment where there is nothing to be done."""
        due = self._later
        ready = self._may_be_done()
        near = due and due[0][0] - self.time <= self.early_within
        if ready and not (near and self._early.chance(EARLY)):
            self.time += MOMENT
            self._do(self._taken(ready))
        elif due and due[0][0] <= until:
            when, _, step = heapq.heappop(due)
            self.time = max(self.time, when)
            if not step.dropped:
                self._do(step)
        elif not ready:
            self.time = until

    def _may_be_done(self) -> list[Step]:
        """Return the ready steps whose actors have no turn now."""
        turns = self._turns
        return [one for one in self.ready if one.turn_of not in turns] if turns else self.ready

    def _taken(self, ready: list[Step]) -> Step:
        picks = self._picks
        if self.tape.is_replay:
            index = picks.below(len(ready))
        else:
            index = picks.drew(self._order.pick(ready))
        step = ready[index]
        if ready is self.ready:
            del ready[index]
        else:
            self.ready.remove(step)
        return step

    def _do(self, step: Step) -> None:
        self.steps += 1
        self.trace = zlib.crc32(b"%b %.6f" % (step.name.encode(), self.time), self.trace)
        self._run(step)

    def _run(self, step: Step) -> None:
        turn = step.turn_of
        if turn is not None:
            self._turns.append(turn)
        try:
            with Acting(engine=step.engine):
                step.call()
        except BaseException:
            if not step.dropped:  # else its process has crashed, and so has this
                raise
        finally:
            if turn is not None:
                self._turns.remove(turn)
