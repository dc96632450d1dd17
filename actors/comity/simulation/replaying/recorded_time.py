"""A runtime whose clock shows the time at which each command was recorded."""

from __future__ import annotations

from comity.simulation.runtime.simulated_runtime import SimulatedRuntime

MICROSECONDS = 1_000_000


class RecordedTime(SimulatedRuntime):
    """Runs a domain at recorded times: business rules and events get the time of the recording."""

    def __init__(self, seed: int, start: int) -> None:
        super().__init__(seed)
        self._start = start
        self._now = start

    def now(self) -> int:
        """Return the time of the command that is played: microseconds since 1970."""
        return self._now

    def go_to(self, microseconds: int) -> None:
        """Set the clock. Timers that are due by then run with the next step."""
        self._now = microseconds
        since = (microseconds - self._start) / MICROSECONDS
        self.timeline.time = max(self.timeline.time, since)
