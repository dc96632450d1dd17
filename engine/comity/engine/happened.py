"""An event of an aggregate as merging sees it: which version, by whom. Kept in the actor's tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from comity.engine.footprint import checked

if TYPE_CHECKING:
    from comity.engine.footprint import Footprint
    from comity.engine.message import Event, Message

E_co = TypeVar("E_co", bound="Event", covariant=True)


class Happened(Generic[E_co]):
    """One event of the aggregate, with its version and who caused it."""

    __slots__ = ("_paths", "event", "sent", "session", "version", "who")

    def __init__(
        self,
        version: int,
        event: E_co,
        who: str,
        session: str,
        sent: Message | None = None,
    ) -> None:
        self.version = version
        """The aggregate's version that this event made."""
        self.event = event
        self.who = who
        """The name of who caused it; empty when nobody said."""
        self.session = session
        """The session that caused it; empty for commands outside of any session."""
        self.sent = sent
        """The command as its sender wrote it, where a conflict rule made another one of it."""
        self._paths: Footprint | None = None

    @property
    def paths(self) -> Footprint:
        """What the event touched; computed when first asked for, since few are ever compared."""
        if self._paths is None:
            self._paths = checked(self.event.footprint())
        return self._paths

    def __repr__(self) -> str:
        return f"Happened({self.version}, {self.event!r}, who={self.who!r})"
