"""Clashes: a conflict rule gets the command and a `Clash`, with the events it clashes with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.engine.messages.retired_event import RetiredEvent

if TYPE_CHECKING:
    from comity.engine.merging.happened import Happened
    from comity.engine.merging.sent import Sent
    from comity.engine.merging.views import Past
    from comity.engine.messages.footprint import Path
    from comity.engine.messages.message import Event

S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Clash(Generic[S_co]):
    """The facts for a conflict rule: the state, the events, and how the command was sent."""

    state: S_co
    """The current state. Do not change it: it belongs to the aggregate."""
    clashing: tuple[Happened[Event], ...]
    """The unseen events whose footprint overlaps the command's, oldest first."""
    paths: tuple[Path, ...]
    """For each clashing event, in the same order: the path where it overlaps the command."""
    since: tuple[Happened[Event], ...]
    """Every event after the version that the sender had seen, including the sender's own and those
    that are retired."""
    sent: Sent
    """How the command was sent: by whom, when, and which version the sender had seen."""
    past: Past | None = field(default=None, repr=False, compare=False)
    """The events before `since`, for `transform`, which may need them."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The clashing events, without their versions and authors."""
        return tuple(happened.event for happened in self.clashing)

    @property
    def unseen(self) -> tuple[Happened[Event], ...]:
        """All events that the sender had not seen, clashing or not, oldest first."""
        return tuple(
            happened
            for happened in self.since
            if not self.own(happened) and not isinstance(happened.event, RetiredEvent)
        )

    @property
    def who(self) -> tuple[str, ...]:
        """The names of the clashing events' senders, each once, in the order of the events."""
        return tuple(dict.fromkeys(happened.who for happened in self.clashing))

    def own(self, happened: Happened[Event]) -> bool:
        """Whether the event was caused by the session that sent this command."""
        session = self.sent.session
        return bool(session) and happened.session == session
