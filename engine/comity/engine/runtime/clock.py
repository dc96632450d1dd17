"""The protocol of a clock: a domain passes its runtime's clock to all its parts."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Gives the time of day, and a time that never goes back."""

    def now(self) -> int:
        """Return microseconds since 1970, UTC. The time jumps if the system's clock is set."""
        ...

    def monotonic(self) -> float:
        """Return seconds since a fixed moment, for durations and deadlines."""
        ...
