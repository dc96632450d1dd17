"""One thing that may be done in a simulation: a turn, a timer, a callback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from comity.actors.runtime.runtime import Callback, Runnable


class Owner(Protocol):
    """A simulated process."""

    @property
    def crashed(self) -> bool:
        """Whether the process has ended, and does nothing more."""
        ...


@dataclass(eq=False, slots=True)
class Step:
    """What may be done, now or at its time."""

    name: str
    """The same for all steps of one simulated thread."""
    call: Callback
    turn_of: Runnable | None = None
    """Whose turn it is: nobody has two turns at once."""
    engine: bool = True
    """Whether it is done on the engine's behalf; else on a host's, who may wait."""
    owner: Owner | None = None
    """The simulated process that it belongs to, and ends with; None: to no process."""
    cancelled: bool = False

    def cancel(self) -> None:
        """Drop the step, unless it has begun."""
        self.cancelled = True

    @property
    def dropped(self) -> bool:
        """Whether it is never to be done."""
        return self.cancelled or (self.owner is not None and self.owner.crashed)
