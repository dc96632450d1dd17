"""An event with its place in the journal, for history and read models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple

from comity.engine.merging.at import At
from comity.engine.messages.message import Event
from comity.engine.messages.moment import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    # Only type checkers import typing_extensions; at run time it would be one more dependency.
    # With the default, a plain `Recorded` means Recorded[Event].
    from typing_extensions import TypeVar

    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.report import MergeReport

    E_co = TypeVar("E_co", bound=Event, covariant=True, default=Event)
else:
    from typing import TypeVar

    E_co = TypeVar("E_co", bound=Event, covariant=True)


class Recorded(NamedTuple, Generic[E_co]):
    """An event with its version, position, time, sender and command."""

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
    """The stored name of the command that caused it: by default the name of its class."""
    command_id: str
    metadata: Mapping[str, str]
    """The sender's metadata of the command."""
    report: MergeReport | None
    """How the command was merged; None if there were no unseen events."""
    rules_revision: str = ""
    """The revision of the rules that the command was decided by; empty if none was named."""

    @property
    def time(self) -> datetime:
        """When the event was decided, in UTC."""
        return moment(self.microseconds)

    @property
    def at(self) -> At:
        """The `At` for `evolve`: `board.evolve(state, recorded.event, recorded.at)`."""
        return At(self.version, self.microseconds, self.who, self.session, self.aggregate)
