"""Gives turns to the actors of a simulated process, in the order that the tape tells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from comity.actors.runtime.runtime import Runnable
from comity.simulation.runtime.process_steps import ProcessSteps
from comity.simulation.runtime.step import Step


@dataclass(eq=False)
class SimulatedExecutor:
    """Implements `Executor`: each turn is a step."""

    process: ProcessSteps
    kind: str
    """The name that the domain gave it."""
    name: str
    """A name that no other executor has."""
    threads: int = 1
    wanted: int = 0
    stopped: bool = False

    def schedule(self, runnable: Runnable) -> None:
        """See `Executor.schedule`."""
        if not self.stopped:
            self.wanted += 1
            name = f"{self.name} {getattr(runnable, 'actor_urn', '')}"
            step = Step(name, partial(self._turn, runnable), runnable)
            late = self.process.slow.get(self.kind)
            self.process.add(step) if not late else self.process.add_later(late, step)

    def _turn(self, runnable: Runnable) -> None:
        runnable.run()
        self.wanted -= 1

    def relieve(self) -> None:
        """Nobody can be added."""

    def stop(self, timeout: float) -> bool:
        """See `Executor.stop`."""
        self.stopped = True
        return self.process.wait_until(lambda: not self.wanted, timeout)
