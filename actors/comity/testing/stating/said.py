"""Events of a test with their senders: `by("bob", CardMoved(...))`, for `given` and `when`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Generic, TypeVar, cast

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import WiringError
from comity.engine.merging.happened import Happened
from comity.engine.messages.message import Event
from comity.engine.messages.moment import microseconds_of, moment

E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)

START: Final = 1_700_000_000_000_000
"""When the first event of a test happened, if the test says nothing: microseconds since 1970. Each
next event is a second later."""
SECOND: Final = 1_000_000
"""A second in microseconds."""


def called(name: str, *arguments: object, **more: object) -> str:
    """A call as a test has it; keywords that are None were not given."""
    keywords = [f"{key}={value!r}" for key, value in more.items() if value is not None]
    return f"{name}({', '.join([*map(repr, arguments), *keywords])})"


def at_of(microseconds: int | None) -> datetime | None:
    """The time of which `time_of` has given the microseconds."""
    return None if microseconds is None else moment(microseconds)


@dataclass(frozen=True, slots=True)
class Said(Generic[E_co]):
    """An event with its sender, time and aggregate; make it with `by`."""

    event: E_co
    who: str = ""
    session: str = ""
    microseconds: int | None = None
    """When it happened; None: one second after the event before it."""
    key: str | None = None
    """The key of its aggregate; None: the only aggregate of the test."""

    def __repr__(self) -> str:
        session = None if self.session == self.who else self.session
        more = {"at": at_of(self.microseconds), "session": session, "key": self.key}
        said = called("by", self.who, self.event, **more)
        return said if self.who or said != called("by", "", self.event) else repr(self.event)


def by(
    who: str,
    event: E,
    *,
    at: datetime | None = None,
    session: str | None = None,
    key: str | None = None,
) -> Said[E]:
    """Say who caused an event of a test, and when.

    Args:
        who: the sender's name.
        event: the event.
        at: when it happened; by default one second after the event before it.
        session: the sender's session; by default each sender has one session, named like itself.
        key: the key of the event's aggregate, for read models of several aggregates.

    Raises:
        WiringError: the time has no time zone.

    Example:
        given(board, ADDED, by("ann", CardUpvoted(card="c1", voter="ann")))
    """
    return Said(event, who, who if session is None else session, time_of(at, "by"), key)


def time_of(at: datetime | None, where: str) -> int | None:
    """Return a time in microseconds since 1970, or None for None.

    Raises:
        WiringError: it is no time, or has no time zone.
    """
    if at is None:
        return None
    if not isinstance(cast("object", at), datetime) or at.tzinfo is None:
        msg = f"{where}: at is a time with a zone, such as datetime(2027, 1, 1, tzinfo=UTC)"
        raise WiringError(f"{msg}; got {at!r}")
    return microseconds_of(at)


def in_time(events: Iterable[E | Said[E]], after: int = START - SECOND) -> list[Said[E]]:
    """Return the events in order, each with its time; `after` is the time before the first."""
    found: list[Said[E]] = []
    for one in events:
        said = one if isinstance(one, Said) else Said(one)
        after = after + SECOND if said.microseconds is None else said.microseconds
        found.append(replace(said, microseconds=after))
    return found


def as_happened(said: Iterable[Said[E]], first: int = 1) -> list[Happened[E]]:
    """Return the events as merging compares them, with versions from `first` on."""
    return [
        Happened(
            version, one.event, one.who, one.session, seen=version - 1,
            microseconds=one.microseconds or 0,
        )
        for version, one in enumerate(said, first)
    ]  # fmt: skip


def check_events(
    events: Iterable[object], kinds: Iterable[type[Event]], owner: str, where: str
) -> None:
    """Check that each item is an event of these classes, with or without its sender.

    Raises:
        WiringError: an item is something else; the text names it.
    """
    known = tuple(kinds)
    for number, one in enumerate(events, 1):
        event = cast("Said[Event]", one).event if isinstance(one, Said) else one
        if type(event) not in known:
            names = ", ".join(sorted(kind.__name__ for kind in known))
            msg = f"{where}: number {number} is {event!r}, not an event of {owner}; it has {names}"
            raise WiringError(msg)


AGGREGATE: Final = "test"
"""The key of the only aggregate of a test."""


def aggregate_of(name: str, said: Said[Event] | None = None) -> AggregateId:
    """Return the aggregate of an event of a test."""
    return AggregateId(name, AGGREGATE if said is None or said.key is None else said.key)
