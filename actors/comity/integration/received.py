"""An event of another system, as a receiver gets it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Generic, NamedTuple

from comity.engine import Event
from comity.engine.aggregate_id import MAX_KEY_BYTES

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import TypeVar

    from comity.engine import AggregateId

    E_co = TypeVar("E_co", bound=Event, covariant=True, default=Event)
else:
    from typing import TypeVar

    E_co = TypeVar("E_co", bound=Event, covariant=True)

_ROOM: Final = MAX_KEY_BYTES - 20
"""The most bytes of a readable command id; the others are left for the host's own suffix."""


class Received(NamedTuple, Generic[E_co]):
    """An event that came from another system, with its place there."""

    event: E_co
    aggregate: AggregateId
    """The sender's aggregate."""
    version: int
    """Which of the aggregate's events this is, from 1; 0 if the sender does not say."""
    position: int
    """Which of the sender's journal's events this is, from 1; 0 if the sender does not say."""
    time: datetime
    """When it was decided there, in UTC; if the sender does not say, when it was read."""
    source: str
    """The system that sent it."""
    id: str
    """Names the event in its source; it stays the same when it is sent again."""

    @property
    def command_id(self) -> str:
        """The id for the command that is made of the event: a second copy gets the same answer.

        It is made of the source and the id, since only both together name one event in the world.
        It takes at most 180 bytes. If several commands are made of one event, add to the id of
        each what tells it from the others: `f"{received.command_id} {line}"`.
        """
        told = f"{self.source} {self.id}"  # a source has no space, so no two pairs give one text
        if len(told.encode()) <= _ROOM:
            return told
        return hashlib.sha256(told.encode()).hexdigest()
