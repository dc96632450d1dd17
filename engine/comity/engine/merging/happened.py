"""An aggregate's event with its version and author, for merging. An actor's tail holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from comity.engine.merging.at import At
from comity.engine.merging.report import Change
from comity.engine.messages.footprint import show
from comity.engine.messages.message import footprint_of
from comity.engine.messages.moment import moment
from comity.engine.messages.trusted import trusted
from comity.engine.text import brief

if TYPE_CHECKING:
    from datetime import datetime

    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.stored_event import StoredEvent
    from comity.engine.messages.event_types import Loader
    from comity.engine.messages.footprint import Footprint, Path
    from comity.engine.messages.message import Event, Message

E_co = TypeVar("E_co", bound="Event", covariant=True)


class Later(NamedTuple, Generic[E_co]):
    """An event that is loaded at its first use."""

    stored: StoredEvent
    loader: Loader[E_co]


class Dropped(NamedTuple):
    """A command that clashed and gave no events; its sender's next commands may depend on it."""

    who: str
    session: str
    seen: int
    """The version that its sender had seen."""
    written: Message | None
    """The command; None if it can no longer be read. It still counts as dropped."""


class Happened(Generic[E_co]):
    """One event of the aggregate, with its version and its author."""

    __slots__ = (
        "_elsewhere", "_event", "_met", "_paths", "dropped", "microseconds", "part", "seen",
        "session", "version", "who", "written",
    )  # fmt: skip

    def __init__(
        self,
        version: int,
        event: E_co | Later[E_co],
        who: str,
        session: str,
        written: Message | None = None,
        seen: int | None = None,
        part: int = 0,
        microseconds: int = 0,
    ) -> None:
        self.version = version
        """The aggregate's version that this event made."""
        self.who = who
        """The sender's name; empty if none was given."""
        self.session = session
        """The sender's session; empty for commands outside of any session."""
        self.microseconds = microseconds
        """When it was decided: microseconds since 1970, UTC."""
        self.written = written
        """The command as its sender wrote it, if a conflict rule changed it; otherwise None."""
        self.seen = seen
        """The version that the sender had seen; None if the command named none."""
        self.part = part
        """Which of its command's events this is, from 0."""
        self.dropped: tuple[Dropped, ...] = ()
        """The commands that clashed and gave no events, after this event and before the next."""
        self._event = event
        self._paths: Footprint | None = None
        self._elsewhere: Change | None = None
        self._met: tuple[Path, Change] | None = None

    @property
    def event(self) -> E_co:
        """The event itself.

        Raises:
            UnreadableEvent: the event cannot be loaded.
        """
        event = self._event
        if isinstance(event, Later):
            event = self._event = event.loader.load(event.stored)
        return event

    @property
    def time(self) -> datetime:
        """When it was decided, in UTC."""
        return moment(self.microseconds)

    def at(self, aggregate: AggregateId) -> At:
        """Make the `At` that `evolve` gets with this event."""
        return At(self.version, self.microseconds, self.who, self.session, aggregate)

    @property
    def written_on(self) -> int:
        """The version that the command was written on."""
        return self.version - self.part - 1 if self.seen is None else self.seen

    @property
    def paths(self) -> Footprint:
        """The event's footprint, computed at its first use, since few events are ever compared."""
        if self._paths is None:
            self._paths = footprint_of(self.event)
        return self._paths

    def change(self, path: Path | None = None) -> Change:
        """Return the event for a report; `path` is where it overlaps the command, if it does.

        Keeps one `Change` without a path, and the last one with a path: most reports name the event
        at the same path, and share it.
        """
        if path is None:
            if self._elsewhere is None:
                self._elsewhere = self._told(None)
            return self._elsewhere
        met = self._met
        if met is None or met[0] != path:
            met = self._met = path, self._told(brief(show(path), 200))
        return met[1]

    def _told(self, path: str | None) -> Change:
        fields: dict[str, object] = {
            "version": self.version,
            "event": self.event.stored_as,
            "who": self.who,
            "path": path,
        }
        return trusted(Change, fields)

    def __repr__(self) -> str:
        return f"Happened({self.version}, {self.event!r}, who={self.who!r})"
