"""The runtime of one simulated process: one thread, virtual time, an order that a seed chooses.

The same seed gives the same run. Whoever waits does what is to be done until the answer is there:
turns, timers and callbacks, one at a time.
"""

from __future__ import annotations

from functools import partial

from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.engine_thread import is_engine_thread
from comity.actors.runtime.runtime import Callback, Errands
from comity.simulation.runtime.crashed import Stuck
from comity.simulation.runtime.order import Order, RandomOrder
from comity.simulation.runtime.process_steps import ProcessSteps
from comity.simulation.runtime.simulated_couriers import SimulatedCouriers
from comity.simulation.runtime.simulated_executor import SimulatedExecutor
from comity.simulation.runtime.simulated_sleeper import SimulatedSleeper
from comity.simulation.runtime.simulated_timers import SimulatedTimers
from comity.simulation.runtime.step import Step
from comity.simulation.runtime.tape import Tape
from comity.simulation.runtime.timeline import Timeline

__all__ = ["SimulatedRuntime", "Stuck"]

BEGINNING = 1_700_000_000_000_000
"""When it begins, in microseconds since 1970."""
HELPS = 0.5
"""How often a waiting host helps to decide and write."""


class SimulatedRuntime(ProcessSteps):
    """Runs any number of domains, all of them in one simulated process.

    Args:
        seed: what the run depends on; or a tape to draw from, perhaps one to be played again.
        order: which step comes next; any one by default.
        timeline: the timeline of another process, to run beside it. See `beside`.
        name: the process's name.
    """

    def __init__(
        self,
        seed: int | Tape = 0,
        order: Order | None = None,
        *,
        timeline: Timeline | None = None,
        name: str = "",
    ) -> None:
        if timeline is None:
            tape = seed if isinstance(seed, Tape) else Tape(seed)
            timeline = Timeline(tape, order or RandomOrder())
        super().__init__(timeline, name)
        self.tape = timeline.tape
        """What all choices are drawn from."""
        self.ahead = 0.0
        """Seconds by which this process's clock is ahead; it may be changed at any time."""
        self._help = self.tape.stream("help")

    def beside(self, name: str) -> SimulatedRuntime:
        """Return the runtime of another process, on the same timeline."""
        return SimulatedRuntime(timeline=self.timeline, name=name)

    # --- the protocol `Runtime` -------------------------------------------------------------------

    def now(self) -> int:
        """Return the time of this process's clock in microseconds since 1970."""
        return BEGINNING + int((self.timeline.time + self.ahead) * 1_000_000)

    def monotonic(self) -> float:
        """Return the simulated seconds since the beginning."""
        return self.timeline.time

    def token(self, size: int, /) -> str:
        """Return a text that nobody else gets; see `Runtime.token`."""
        return f"{self.timeline.number():0{2 * size}x}"

    def may_help(self) -> bool:
        """See `Runtime.may_help`; the tape decides."""
        return not is_engine_thread() and self._help.chance(HELPS)

    def executor(self, name: str, threads: int = 1, most: int = 1) -> SimulatedExecutor:
        """See `Runtime.executor`."""
        return SimulatedExecutor(self, name, f"{name} {self.timeline.number()}")

    def timers(self, name: str) -> SimulatedTimers:
        """See `Runtime.timers`."""
        return SimulatedTimers(self, f"{name} {self.timeline.number()}")

    def couriers(self, name: str, errands: Errands) -> SimulatedCouriers:
        """See `Runtime.couriers`."""
        return SimulatedCouriers(self, name, f"{name} {self.timeline.number()}", errands)

    def sleeper(self) -> SimulatedSleeper:
        """See `Runtime.sleeper`."""
        return SimulatedSleeper(self)

    def call_soon(self, callback: Callback) -> None:
        """See `Runtime.call_soon`."""
        self.add(Step("callback", partial(attempt, callback), engine=False))

    def start(self, name: str, function: Callback) -> None:
        """See `Runtime.start`."""
        self.add(Step(name, function, engine=False))
