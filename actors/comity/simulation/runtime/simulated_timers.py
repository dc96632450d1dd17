"""Calls the callbacks of a simulated process in virtual time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from comity.actors.runtime.runtime import Callback
from comity.simulation.runtime.process_steps import ProcessSteps
from comity.simulation.runtime.step import Step


@dataclass(eq=False)
class SimulatedTimers:
    """Implements `Timers`."""

    process: ProcessSteps
    name: str
    stopped: bool = False

    def call_later(self, seconds: float, callback: Callback) -> Step:
        """See `Timers.call_later`."""
        step = Step(self.name, partial(self._due, callback))
        self.process.add_later(seconds, step)
        return step

    def _due(self, callback: Callback) -> None:
        if not self.stopped:
            callback()

    def stop(self, timeout: float) -> None:
        """See `Timers.stop`."""
        self.stopped = True
