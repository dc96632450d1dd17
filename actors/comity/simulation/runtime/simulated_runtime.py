"""Runs domains in one thread, in an order that a seed chooses: the same seed, the same run.

Whoever waits does what is to be done until the answer is there: turns, timers and callbacks, one
at a time. Time is counted: a step takes microseconds, and goes on to the next timer where there is
nothing else to do, or now and then before that.
"""

from __future__ import annotations

import heapq
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.engine_thread import acting, is_engine_thread, is_helping
from comity.actors.runtime.runtime import Callback, Runnable

BEGINNING = 1_700_000_000_000_000
"""When it begins, in microseconds since 1970."""
EARLY = 0.02
"""How often a timer comes although there is something else to do."""
HELPS = 0.5
"""How often a waiting host helps to decide and write."""
EVER = 3_600.0
"""Seconds after which what has not come never comes."""


class Stuck(AssertionError):
    """Somebody waits for what nobody brings."""


@dataclass(eq=False)
class Step:
    """What may be done, now or at its time."""

    name: str
    call: Callback
    turn_of: Runnable | None = None
    """Whose turn it is: nobody has two at once."""
    engine: bool = True
    """Whether it is done on the engine's behalf; else on a host's, who may wait."""
    cancelled: bool = False

    def cancel(self) -> None:
        """Drop the step, unless it has begun."""
        self.cancelled = True


class SimulatedRuntime:
    """Runs any number of domains."""

    def __init__(self, seed: int) -> None:
        self.steps = 0
        self.trace = 0
        """A checksum of all steps, in their order and with their times."""
        self.time = 0.0
        self._dice = random.Random(seed)  # noqa: S311 - the same for the same seed
        self.ready: list[Step] = []
        """What may be done now."""
        self._taking_turns: list[Runnable] = []
        self._later: list[tuple[float, int, Step]] = []
        self._numbers = 0

    def now(self) -> int:
        """Return the simulated time in microseconds since 1970."""
        return BEGINNING + int(self.time * 1_000_000)

    def monotonic(self) -> float:
        """Return the simulated seconds since the beginning."""
        return self.time

    def token(self, size: int, /) -> str:
        """See `Runtime.token`."""
        return self._dice.randbytes(size).hex()

    def may_help(self) -> bool:
        """See `Runtime.may_help`; the seed decides."""
        return not is_engine_thread() and self._dice.random() < HELPS

    def executor(self, name: str, threads: int = 1, most: int = 1) -> SimulatedExecutor:
        """See `Runtime.executor`."""
        return SimulatedExecutor(self, f"{name} {self._number()}")

    def timers(self, name: str) -> SimulatedTimers:
        """See `Runtime.timers`."""
        return SimulatedTimers(self, f"{name} {self._number()}")

    def sleeper(self) -> SimulatedSleeper:
        """See `Runtime.sleeper`."""
        return SimulatedSleeper(self)

    def call_soon(self, callback: Callback) -> None:
        """See `Runtime.call_soon`."""
        self.ready.append(Step("callback", partial(attempt, callback), engine=False))

    def start(self, name: str, function: Callback) -> None:
        """See `Runtime.start`."""
        self.ready.append(Step(name, function, engine=False))

    def add_later(self, seconds: float, step: Step) -> None:
        """Make the step ready after these seconds."""
        heapq.heappush(self._later, (self.time + seconds, self._number(), step))

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def wait_until(self, condition: Callable[[], bool], seconds: float = EVER) -> bool:
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
        ready = [one for one in self.ready if one.turn_of not in self._taking_turns]
        if ready and not (self._later and self._dice.random() < EARLY):
            self.time += self._dice.random() * 0.0001
            step = self._dice.choice(ready)
            self.ready.remove(step)
            self._do(step)
        elif self._later and self._later[0][0] <= until:
            when, _, step = heapq.heappop(self._later)
            self.time = max(self.time, when)
            if not step.cancelled:
                self._do(step)
        elif not ready:
            self.time = until

    def _do(self, step: Step) -> None:
        self.steps += 1
        self.trace = zlib.crc32(f"{self.trace} {step.name} {self.time}".encode())
        self._taking_turns += [step.turn_of] if step.turn_of else []
        try:
            with acting(engine=step.engine):
                step.call()
        finally:
            if step.turn_of:
                self._taking_turns.remove(step.turn_of)


@dataclass(eq=False)
class SimulatedExecutor:
    """Gives turns in the order that the runtime chooses."""

    runtime: SimulatedRuntime
    name: str
    threads: int = 1
    wanted: int = 0
    stopped: bool = False

    def schedule(self, runnable: Runnable) -> None:
        """See `Executor.schedule`."""
        if not self.stopped:
            self.wanted += 1
            name = f"{self.name} {getattr(runnable, 'actor_urn', '')}"
            self.runtime.ready.append(Step(name, partial(self._turn, runnable), runnable))

    def _turn(self, runnable: Runnable) -> None:
        runnable.run()
        self.wanted -= 1

    def relieve(self) -> None:
        """Nobody can be added."""

    def stop(self, timeout: float) -> bool:
        """See `Executor.stop`."""
        self.stopped = True
        return self.runtime.wait_until(lambda: not self.wanted, timeout)


@dataclass(eq=False)
class SimulatedTimers:
    """Calls callbacks in simulated time."""

    runtime: SimulatedRuntime
    name: str
    made: list[Step] = field(default_factory=list[Step])
    stopped: bool = False

    def call_later(self, seconds: float, callback: Callback) -> Step:
        """See `Timers.call_later`."""
        step = Step(self.name, callback, cancelled=self.stopped)
        self.made.append(step)
        self.runtime.add_later(seconds, step)
        return step

    def stop(self, timeout: float) -> None:
        """See `Timers.stop`."""
        self.stopped = True
        for step in self.made:
            step.cancel()


@dataclass(eq=False)
class SimulatedSleeper:
    """A host that waits, and does meanwhile what there is to be done."""

    runtime: SimulatedRuntime
    woken: bool = False

    def wake(self) -> None:
        """See `Sleeper.wake`."""
        self.woken = True

    def sleep(self, seconds: float | None) -> bool:
        """See `Sleeper.sleep`."""
        woken = self.runtime.wait_until(lambda: self.woken, EVER if seconds is None else seconds)
        if not woken and seconds is None:
            msg = f"nobody brings what is waited for, after {self.runtime.steps} steps"
            raise Stuck(msg)
        self.woken = False
        return woken
