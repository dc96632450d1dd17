"""The rows of an agenda: what a process has yet to do. Agendas write them, runners read them."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from comity.readmodels.tables.row import Row

InstanceState: TypeAlias = Literal["new", "running", "ended"]
"""`new`: an event waits that begins the instance. `running`: it has begun. `ended`: it hears
nothing more, unless an event comes that begins it anew."""

STATES: Final[tuple[InstanceState, ...]] = get_args(InstanceState)


class InstanceRow(Row):
    """One instance of a process."""

    key: str
    state: InstanceState
    begun: int
    """When its first event was recorded, in microseconds since 1970."""
    changed: int
    """When its last step was recorded, in microseconds since 1970."""
    heard: int
    """The position of the last event that it has heard."""
    first: int | None
    """The position of the first event that it has not heard; None if it has heard all."""
    last: int | None
    """The position of the last event that it has not heard."""
    unheard: int
    """How many events it has not heard."""
    orders: int
    """How many of its orders have no answer."""
    timers: int
    """How many of its timers are set."""
    reason: str
    """Why it has ended."""


class UnheardRow(Row):
    """An event that an instance is to hear."""

    position: int
    key: str
    """The instance."""
    type: str
    """The type and key of the aggregate whose event it is."""
    source: str
    version: int
    name: str
    """The event's stored name."""
    time: int
    """When the event was recorded, in microseconds since 1970."""
    starts: bool
    """Whether it begins an instance."""
    previous: int | None
    """The position of the event that the instance is to hear before; of no use in the first one."""
    next: int | None
    """The position of the next event that the instance is to hear."""


class OrderRow(Row):
    """An order without an answer."""

    key: str
    """The instance that gave it."""
    number: int
    name: str
    type: str
    """The type and key of the aggregate that is to obey."""
    target: str
    command: str
    """The stored name of the command."""
    position: int
    """Where the order is in the journal: the position and version of its `OrderGiven`."""
    version: int
    time: int
    """When it was given, in microseconds since 1970."""


class TimerRow(Row):
    """A timer that is set."""

    key: str
    """The instance that set it."""
    name: str
    number: int
    due: int
    """When it is due, in microseconds since 1970."""
