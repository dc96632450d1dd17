"""An event of an aggregate as merging sees it: which version, by whom. Kept in the actor's tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from comity.engine.merging.at import At
from comity.engine.merging.report import Change
from comity.engine.messages.footprint import checked, show
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
    """An event that is loaded when somebody asks for it."""

    stored: StoredEvent
    loader: Loader[E_co]


class Dropped(NamedTuple):
    """A command that clashed and came to nothing; what its sender does next may rest on it."""

    who: str
    session: str
    seen: int
    """The version that it was written on."""
    written: Message | None
    """None where it cannot be read any more; it counts all the same, as in the journal."""


class Happened(Generic[E_co]):
    """One event of the aggregate, with its version and who caused it."""

    __slots__ = (
        "_change", "_event", "_paths", "dropped", "microseconds", "part", "seen", "session",
        "version", "who", "written",
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
        """The name of who caused it; empty when nobody said."""
        self.session = session
        """The session that caused it; empty for commands outside of any session."""
        self.microseconds = microseconds
        """When it was decided: microseconds since 1970, UTC."""
        self.written = written
        """The command as its sender wrote it, where a conflict rule made another one of it."""
        self.seen = seen
        """The version that its sender had seen; None: nothing, so it was done to that day's."""
        self.part = part
        """Which of its command's events this is, from 0."""
        self.dropped: tuple[Dropped, ...] = ()
        """The commands that came to nothing after this event and before the next."""
        self._event = event
        self._paths: Footprint | None = None
        self._change: tuple[Path | None, Change] | None = None

    @property
    def event(self) -> E_co:
        """The event itself.

        Raises:
            UnreadableEvent: it cannot be loaded.
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
        """What `evolve` is told of it."""
        return At(self.version, self.microseconds, self.who, self.session, aggregate)

    @property
    def written_on(self) -> int:
        """The version that the command was written on."""
        return self.version - self.part - 1 if self.seen is None else self.seen

    @property
    def paths(self) -> Footprint:
        """What the event touched; computed when first asked for, since few are ever compared."""
        if self._paths is None:
            self._paths = checked(self.event.footprint())
        return self._paths

    def change(self, path: Path | None) -> Change:
        """The event as reports tell it, overlapping the command at `path`.

        The reports of all who have not seen it share one: it is mostly told at the same place.
        """
        told = self._change
        if told is None or told[0] != path:
            fields: dict[str, object] = {
                "version": self.version,
                "event": self.event.stored_as,
                "who": self.who,
                "path": None if path is None else brief(show(path), 200),
            }
            told = self._change = path, trusted(Change, fields)
        return told[1]

    def __repr__(self) -> str:
        return f"Happened({self.version}, {self.event!r}, who={self.who!r})"
