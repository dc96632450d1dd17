"""Where and when something happened that a process hears. Its functions may ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.merging.sent import NO_METADATA
from comity.engine.messages.moment import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Heard(NamedTuple):
    """Where and when the thing happened that `key`, `evolve` or `react` is told of.

    Each replay gives the same values.

    Example:
        def react(trip: Trip, thing: TripEvent | Answered | Rang, heard: Heard) -> Iterator[Order]:
            yield Order(flights, trip.flight, ReserveSeat(trip=heard.key))
    """

    key: str
    """The instance of the process; empty for `key`, which is asked for it."""
    aggregate: AggregateId
    """Whose event it is, or which aggregate answered; for a timer the instance's own."""
    version: int = 0
    """The aggregate's version after it; 0 for a timer."""
    position: int = 0
    """The journal's position after it; 0 for a timer and a refusal."""
    microseconds: int = 0
    """When it was: the event was decided, the answer heard or the timer rang, since 1970, UTC."""
    who: str = ""
    """The sender who caused the event; empty for answers and timers."""
    session: str = ""
    """The session that caused the event."""
    metadata: Mapping[str, str] = NO_METADATA
    """The metadata of the command that caused the event."""
    hops: int = 0
    """How many orders of processes led to it, one through the other; 0: it came from outside."""

    @property
    def time(self) -> datetime:
        """When it was, in UTC. It may be earlier than what was heard before."""
        return moment(self.microseconds)
