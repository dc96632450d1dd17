"""An event as it stands in the journal: what history shows and read models are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple

from comity.engine.merging.at import At
from comity.engine.messages.message import Event
from comity.engine.messages.moment import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    # Checkers know it; at run time it would be one more dependency. `Recorded` alone then means
    # Recorded[Event].
    from typing_extensions import TypeVar

    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.report import MergeReport

    E_co = TypeVar("E_co", bound=Event, covariant=True, default=Event)
else:
    from typing import TypeVar

    E_co = TypeVar("E_co", bound=Event, covariant=True)


class Recorded(NamedTuple, Generic[E_co]):
    """An event and where it stands."""

    event: E_co
    aggregate: AggregateId
    version: int
    """Which of the aggregate's events this is, from 1."""
    position: int
    """Which of the journal's events this is, from 1."""
    microseconds: int
    """When it was decided: microseconds since 1970, UTC."""
    who: str
    """The name of who caused it; empty when nobody said."""
    session: str
    command: str
    """The class name of the command that caused it."""
    command_id: str
    metadata: Mapping[str, str]
    """What the sender gave along with the command."""
    report: MergeReport | None
    """How the command was merged; None when nothing was unseen."""

    @property
    def time(self) -> datetime:
        """When it was decided, in UTC."""
        return moment(self.microseconds)

    @property
    def at(self) -> At:
        """What `evolve` is told of it: `board.evolve(state, one.event, one.at)`."""
        return At(self.version, self.microseconds, self.who, self.session, self.aggregate)
