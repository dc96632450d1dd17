"""How far a rehearsal is, and how long it still takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from comity.engine.text import duration


class RehearsalProgress(NamedTuple):
    """The progress of a rehearsal."""

    records: int
    """How many of the journal's records it has read."""
    end: int
    """How many records the journal had when the rehearsal began."""
    seconds: float
    """How long it has taken so far."""

    @property
    def seconds_left(self) -> float | None:
        """How long it still takes at this speed; None while that is not known."""
        if not self.records:
            return None
        return max(0, self.end - self.records) * self.seconds / self.records

    def __str__(self) -> str:
        left = self.seconds_left
        told = f", {duration(left)} left" if left is not None else ""
        return f"{self.records:,} of {self.end:,} records{told}"


OnProgress: TypeAlias = Callable[[RehearsalProgress], None]
"""Is called now and then with the progress."""
