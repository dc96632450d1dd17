"""What `react` may yield: orders, timers, and the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from comity.engine.errors import Invalid
from comity.engine.processes.order import Order
from comity.engine.processes.timers import CancelTimer, SetTimer


@dataclass(frozen=True, slots=True)
class End:
    """The instance has done its work: it hears nothing more, and its timers are cancelled.

    What it has ordered is still carried out. If an event that starts instances comes for its key,
    it begins anew, with a new state.

    Args:
        reason: why, in words, for people who look at it later.

    Raises:
        Invalid: the reason is no text.

    Example:
        yield End("all booked")
    """

    reason: str = ""

    def __post_init__(self) -> None:
        try:
            self.reason.encode()
        except (UnicodeEncodeError, AttributeError):
            msg = f"End: the reason is a str that UTF-8 can encode; got {self.reason!r:.100}"
            raise Invalid(msg) from None


Reaction: TypeAlias = Order | SetTimer | CancelTimer | End
