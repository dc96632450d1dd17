"""What `react` may yield: orders, timers, and the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from comity.engine.processes.order import Order
from comity.engine.processes.timers import CancelTimer, SetTimer


@dataclass(frozen=True, slots=True)
class End:
    """The instance has done its work: it hears nothing more, and its timers are cancelled.

    What it has ordered is still carried out. If an event that starts instances comes for its key,
    it begins anew, with a new state.

    Args:
        reason: why, in words, for people who look at it later.

    Example:
        yield End("all booked")
    """

    reason: str = ""


Reaction: TypeAlias = Order | SetTimer | CancelTimer | End
