"""What time it is: a domain hands its runtime's clock to whatever runs in its life."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Two readings: the time of day, and a time that only ever goes forward."""

    def now(self) -> int:
        """Microseconds since 1970, UTC. It may jump when somebody sets the clock."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment: for durations and deadlines."""
        ...
