"""A parked event of an outlet: it is not delivered until somebody says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from comity.engine.aggregate_id import AggregateId


class ParkedDelivery(NamedTuple):
    """An event that failed every time, or one behind it of the same key."""

    key: str
    position: int
    time: datetime
    """When the event was decided."""
    error: str
    """Why it failed; empty if it only waits for an earlier event of its key."""
    tries: int
    """How often it was tried; 0 if it only waits."""
    since: datetime
    """When the first event of its key failed for the first time."""
    event: str
    """The stored name of the event; empty if the journal does not have it."""
    aggregate: AggregateId | None
    version: int
    who: str
    """The sender of the command that caused the event."""
    first: int
    """The position of the first parked event of its key."""
