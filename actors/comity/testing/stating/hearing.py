"""What a process hears in a test beside events: `answered("flight")`, `rang("late")`.

Tests of processes use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from comity.engine.merging.refusals import Refused, Rejected, Scalar
from comity.testing.stating.said import at_of, called, time_of


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an open order; make it with `answered` or `refused`."""

    order: str
    """The order's name."""
    key: str | None = None
    """The key of its aggregate; None: the oldest open order of that name."""
    refusal: Refused | None = None
    microseconds: int | None = None
    """When it came; None: one second after what was heard before."""
    number: int | None = None
    """Which of the instance's orders; None: the oldest that fits."""

    def __repr__(self) -> str:
        more: dict[str, object] = {"key": self.key, "at": at_of(self.microseconds)}
        if self.refusal is None:
            return called("answered", self.order, **more)
        if type(self.refusal) is Rejected:
            more = {**self.refusal.fields, **more}
            return called("refused", self.order, self.refusal.reason, **more)
        return called("refused", self.order, self.refusal, **more)


@dataclass(frozen=True, slots=True)
class Ringing:
    """A timer rings; make it with `rang`."""

    timer: str
    microseconds: int | None = None
    """When it rings; None: when it is due."""

    def __repr__(self) -> str:
        return called("rang", self.timer, at=at_of(self.microseconds))


def answered(order: str, *, key: str | None = None, at: datetime | None = None) -> Answer:
    """Say that an order was carried out.

    Args:
        order: the order's name.
        key: the key of its aggregate, if several open orders have the name; by default the oldest.
        at: when the answer came; by default one second after what was heard before.

    Example:
        given(trip, REQUESTED).when(answered("flight")).then(Order(hotels, "Ritz", RESERVE))
    """
    return Answer(order, key, None, time_of(at, "answered"))


def refused(
    order: str,
    refusal: str | Refused = "no",
    *,
    key: str | None = None,
    at: datetime | None = None,
    **fields: Scalar,
) -> Answer:
    """Say that an order was refused.

    Args:
        order: the order's name.
        refusal: the reason, or the refusal itself, such as `Full("LH1")`.
        key: the key of its aggregate, if several open orders have the name; by default the oldest.
        at: when the answer came; by default one second after what was heard before.
        fields: the fields of the refusal, beside a reason.

    Example:
        given(trip, REQUESTED).when(refused("flight", "sold out")).then(End("no flight"))
    """
    error = refusal if isinstance(refusal, Refused) else Rejected(refusal, **fields)
    return Answer(order, key, error, time_of(at, "refused"))


def rang(timer: str, *, at: datetime | None = None) -> Ringing:
    """Say that a timer rings.

    Args:
        timer: the name that `SetTimer` gave.
        at: when it rings; by default when it is due.

    Example:
        given(trip, REQUESTED).when(rang("late")).then(End("too late"))
    """
    return Ringing(timer, time_of(at, "rang"))
