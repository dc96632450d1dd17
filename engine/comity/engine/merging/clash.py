"""A command together with the unseen events it clashes with: what a conflict rule looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from comity.engine.merging.happened import Happened
    from comity.engine.merging.sent import Sent
    from comity.engine.merging.views import Past
    from comity.engine.messages.footprint import Path
    from comity.engine.messages.message import Event

S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Clash(Generic[S_co]):
    """What a conflict rule may look at to decide."""

    state: S_co
    """Today's state. Look, do not touch: the aggregate owns it."""
    clashing: tuple[Happened[Event], ...]
    """The unseen events whose footprint overlaps the command's, oldest first: who did it, when."""
    paths: tuple[Path, ...]
    """Where each of them overlaps."""
    since: tuple[Happened[Event], ...]
    """Every event after the version that the sender had seen, the sender's own ones included."""
    sent: Sent
    """By whom the command was sent, when, and which version they had seen."""
    past: Past | None = field(default=None, repr=False, compare=False)
    """For `transform`, which may have to go back further."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The clashing events alone."""
        return tuple(happened.event for happened in self.clashing)

    @property
    def unseen(self) -> tuple[Happened[Event], ...]:
        """All events that the sender had not seen, clashing or not, oldest first."""
        return tuple(happened for happened in self.since if not self.own(happened))

    @property
    def who(self) -> tuple[str, ...]:
        """The senders of the clashing events, each name once, in order."""
        return tuple(dict.fromkeys(happened.who for happened in self.clashing))

    def own(self, happened: Happened[Event]) -> bool:
        """Whether the sender's own session caused it."""
        session = self.sent.session
        return bool(session) and happened.session == session
