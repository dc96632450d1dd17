"""A host in a simulated process that waits for something."""

from __future__ import annotations

from dataclasses import dataclass

from comity.simulation.runtime.crashed import Stuck
from comity.simulation.runtime.process_steps import EVER, ProcessSteps


@dataclass(eq=False)
class SimulatedSleeper:
    """Implements `Sleeper`: does meanwhile what there is to be done."""

    process: ProcessSteps
    woken: bool = False

    def wake(self) -> None:
        """See `Sleeper.wake`."""
        self.woken = True

    def sleep(self, seconds: float | None) -> bool:
        """See `Sleeper.sleep`.

        Raises:
            Stuck: nothing wakes it, although it waits without limit.
            Crashed: its process has crashed meanwhile.
        """
        woken = self.process.wait_until(lambda: self.woken, EVER if seconds is None else seconds)
        if not woken and seconds is None:
            msg = f"nobody brings what is waited for, after {self.process.steps} steps"
            raise Stuck(msg)
        self.woken = False
        return woken
