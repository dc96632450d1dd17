"""The steps of one simulated process, on the timeline that all processes share.

The process's runtime, executors, timers and sleepers use it. It ends with a crash.
"""

from __future__ import annotations

from collections.abc import Callable

from comity.simulation.runtime.crashed import Crashed
from comity.simulation.runtime.step import Step
from comity.simulation.runtime.timeline import Timeline

EVER = 3_600.0
"""Seconds after which what has not come never comes."""


class ProcessSteps:
    """What one process has to do."""

    def __init__(self, timeline: Timeline, name: str) -> None:
        self.timeline = timeline
        """What is to be done, in all processes."""
        self.name = name
        """The process's name."""
        self.crashed = False
        """Whether the process has ended, and does nothing more."""
        self.slow: dict[str, float] = {}
        """By how many seconds the turns of an executor are late, by the executor's name."""

    def crash(self) -> None:
        """End the process here and now: its turns, timers and callbacks are dropped.

        What it is in the middle of does not go on: it gets `Crashed` where it waits.
        """
        self.crashed = True
        self.timeline.drop_crashed()

    def finish(self, seconds: float = 1.0) -> None:
        """Do the steps of this process that are ready, for at most so many seconds."""
        line = self.timeline
        self.wait_until(lambda: all(step.owner is not self for step in line.ready), seconds)

    def check_alive(self) -> None:
        """Raise `Crashed` if the process has crashed."""
        if self.crashed:
            msg = f"the simulated process {self.name} has crashed"
            raise Crashed(msg)

    @property
    def steps(self) -> int:
        """How many steps were done, in all processes."""
        return self.timeline.steps

    @property
    def trace(self) -> int:
        """A checksum of all steps, in their order and with their times."""
        return self.timeline.trace

    def add(self, step: Step) -> None:
        """Make a step of this process ready."""
        if not self.crashed:
            step.owner = self
            self.timeline.ready.append(step)

    def add_later(self, seconds: float, step: Step) -> None:
        """Make a step of this process due after these seconds."""
        if not self.crashed:
            step.owner = self
            self.timeline.add_later(seconds, step)

    def wait_until(self, condition: Callable[[], bool], seconds: float = EVER) -> bool:
        """Do what is to be done until the condition holds. False: the seconds are over.

        Raises:
            Crashed: this process has crashed meanwhile.
        """
        came = self.timeline.wait_until(lambda: self.crashed or condition(), seconds)
        self.check_alive()
        return came
