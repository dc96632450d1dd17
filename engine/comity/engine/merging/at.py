"""The version, time and author of an event, which `evolve` may use beside the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.messages.moment import moment

if TYPE_CHECKING:
    from datetime import datetime

_NOWHERE: Final = AggregateId("", "")


class At(NamedTuple):
    """The version, time and author of an event. Each replay gives the same values.

    Example:
        def evolve(board: Board, event: BoardEvent, at: At) -> Board:
            match event:
                case CardAdded(card=card, title=title):
                    board.cards[card] = Card(title, added_by=at.who, added=at.time)
            return board
    """

    version: int = 1
    """Which of the aggregate's events this is, from 1."""
    microseconds: int = 0
    """When it was decided: microseconds since 1970, UTC; the same for all events of a command."""
    who: str = ""
    """The sender's name; empty if none was given."""
    session: str = ""
    """The sender's session; empty for commands outside of any session."""
    aggregate: AggregateId = _NOWHERE

    @property
    def time(self) -> datetime:
        """When it was decided, in UTC. It may be earlier than the previous event's time."""
        return moment(self.microseconds)
