"""How a command was sent: by whom, when, on which version. For `decide` and conflict rules."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from comity.engine.errors import Invalid
from comity.engine.messages.moment import microseconds_of, moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NO_METADATA: Final[Mapping[str, str]] = MappingProxyType({})


class Sender(NamedTuple):
    """The sender of a command and the version it has seen, before the command is decided."""

    who: str = ""
    session: str = ""
    seen: int | None = None


class Sent(NamedTuple):
    """The sender, time and origin of a command. It is immutable, so a domain may keep it.

    Example:
        def decide(board: Board, command: BoardCommand, sent: Sent) -> Iterator[BoardEvent]:
            match command:
                case Upvote(card=card):
                    yield CardUpvoted(card=card, voter=sent.who)
    """

    who: str = ""
    """The sender's name; empty if none was given."""
    session: str = ""
    """The sender's session; empty for commands outside of any session."""
    seen: int | None = None
    """The version that the sender was looking at; None: none, decide on the current state."""
    microseconds: int = 0
    """When the command is decided, by this machine's clock: microseconds since 1970, UTC.

    Its events keep this time. Clocks are set back now and then, so a later command may have an
    earlier time."""
    id: str = ""
    """The command's id; a retry has the same id, and is not decided again."""
    metadata: Mapping[str, str] = NO_METADATA
    """The sender's metadata of the command. Read only."""

    @property
    def time(self) -> datetime:
        """When the command is decided, in UTC."""
        return moment(self.microseconds)

    def on(self, time: datetime) -> Sent:
        """Copy it with another time, to test rules that depend on the time.

        Raises:
            Invalid: the time has no time zone.

        Example:
            decide(board, command, Sent("ann").on(datetime(2027, 1, 1, tzinfo=UTC)))
        """
        if time.tzinfo is None:
            raise Invalid(f"Sent.on: expected a time with a zone, such as UTC, got {time!r}")
        return self._replace(microseconds=microseconds_of(time))

    def __deepcopy__(self, memo: object) -> Sent:
        return self


def sent_by(sender: Sender, microseconds: int, id: str, metadata: Mapping[str, str]) -> Sent:
    """Make a `Sent`. The metadata is not copied, so the caller must not change it."""
    who, session, seen = sender
    kept = MappingProxyType(metadata) if metadata else NO_METADATA
    return Sent(who, session, seen, microseconds, id, kept)
