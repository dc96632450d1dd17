"""A timer of a process that has rung: one of the things that a process hears."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Rang:
    """A timer that a `SetTimer` set is due.

    Example:
        case Rang(timer="reminder"):
            yield Order(tasks, trip.task, Remind())
    """

    timer: str
    """The name that `SetTimer` gave."""
    due: datetime
    """When it was due, in UTC. It may ring later: the domain was closed then, or had much to do."""
