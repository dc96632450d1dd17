"""The answer to an order, a refusal too: one of the things that a process hears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from comity.engine.aggregate_id import AggregateId
from comity.engine.merging.command import Command
from comity.engine.merging.refusals import Scalar
from comity.engine.merging.report import Outcome

REFUSED = (Outcome.REJECTED, Outcome.CONFLICTED)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order was refused."""

    code: str
    """The name of the refusal's class, such as `ColumnFull`."""
    reason: str
    """The reason, in words."""
    fields: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    """The fields of a `Rejected`."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An order of the process has its answer.

    Example:
        case Answered(order="flight", refused=False):
            yield Order(hotels, trip.hotel, ReserveRoom(trip=heard.key), name="hotel")
        case Answered(refused=True, reason=reason):
            yield End(f"no trip: {reason}")
    """

    order: str
    """The name of the order: the one that `Order` gave, or its command's stored name."""
    aggregate: AggregateId
    """The aggregate that was to obey."""
    command: Command
    """The command that was ordered."""
    outcome: Outcome
    """`applied`, `merged`, `rebased`, `unchanged`, `rejected` or `conflicted`."""
    refusal: Refusal | None = None
    """Why it was refused; None if it was not."""
    version: int = 0
    """The aggregate's version after the command."""
    position: int = 0
    """The journal's position after the command; 0 if it was refused."""

    @property
    def refused(self) -> bool:
        """Whether the order was refused, and so changed nothing."""
        return self.outcome in REFUSED

    @property
    def reason(self) -> str:
        """Why it was refused, in words; empty if it was not."""
        return self.refusal.reason if self.refusal else ""
