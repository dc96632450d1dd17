"""An event that an outlet delivers, with an id that stays the same when it is tried again."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Generic, NamedTuple

from comity.engine.messages.message import Event
from comity.engine.messages.moment import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    # Only type checkers import typing_extensions. With the default, a plain `Delivery` means
    # Delivery[Event].
    from typing_extensions import TypeVar

    from comity.engine.aggregate_id import AggregateId
    from comity.engine.history.recorded import Recorded
    from comity.engine.merging.report import MergeReport

    E_co = TypeVar("E_co", bound=Event, covariant=True, default=Event)
else:
    from typing import TypeVar

    E_co = TypeVar("E_co", bound=Event, covariant=True)


class Delivery(NamedTuple, Generic[E_co]):
    """A recorded event, and what its receiver needs to recognise it."""

    event: E_co
    aggregate: AggregateId
    version: int
    """Which of the aggregate's events this is, from 1."""
    position: int
    """Which of the journal's events this is, from 1."""
    microseconds: int
    """When the event was decided: microseconds since 1970, UTC."""
    who: str
    """The sender's name; empty if none was given."""
    session: str
    command: str
    """The stored name of the command that caused it."""
    command_id: str
    metadata: Mapping[str, str]
    """The sender's metadata of the command."""
    report: MergeReport | None
    """How the command was merged; None if there were no unseen events."""
    rules_revision: str
    """The revision of the rules that the command was decided by; empty if none was named."""
    id: str
    """The same at each try, and after a lost ledger; no other event or outlet has it. Give it to
    the receiver as a command id, a message id or an idempotency key; at most 102 bytes."""
    attempt: int
    """Which try this is, from 1. It is counted anew after a restart, unless the key waits."""

    @property
    def time(self) -> datetime:
        """When the event was decided, in UTC."""
        return moment(self.microseconds)


def delivery_of(at: Recorded[E_co], outlet: str, attempt: int, branch: str = "") -> Delivery[E_co]:
    """Make the delivery of a recorded event through the outlet of this name."""
    return Delivery(*at, delivery_id(at, outlet, branch), attempt)


def delivery_id(at: Recorded[Event], outlet: str, branch: str = "") -> str:
    """The id of an event's delivery, such as `Mails-1042-9f3ae1b2c4d5e6f7`.

    It depends on the event and nothing else, so that it needs not be kept. The digest tells events
    of different journals apart that have the same position, and those of different branches of one.

    Args:
        at: the event.
        outlet: the name of the outlet.
        branch: the branch of the event, see `Lineage.branch_at`.
    """
    kind, key = at.aggregate
    told = f"{kind}/{key}/{at.version}/{at.microseconds}/{at.command_id}"
    if branch:
        told += f"/{branch}"
    digest = blake2b(told.encode(), digest_size=8).hexdigest()
    return f"{outlet}-{at.position}-{digest}"
