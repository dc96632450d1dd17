"""An outlet without its type parameter: its options, and where it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from comity.engine.messages.message import Event

Start: TypeAlias = Literal["now", "beginning"] | int
"""Where an outlet begins: at the journal's end, with its first event, or after a position."""


class AnyOutlet:
    """An outlet without its type parameter."""

    start: ClassVar[Start]
    """Where it begins when it is opened for the first time; you must say it. It is then kept: it
    has no effect on an outlet that has a ledger."""
    stored_as: ClassVar[str] = ""
    """The name of its ledger, and a part of the ids; by default the class's name. Not inherited."""
    at_once: ClassVar[int] = 64
    """How many keys are delivered at once, at most."""
    timeout: ClassVar[float] = 10.0
    """Seconds after which a delivery has failed, though `deliver` has not returned."""
    tries: ClassVar[int] = 10
    """How often an event is tried before it is parked, with those behind it of the same key."""
    back_off: ClassVar[tuple[float, float]] = (0.5, 300.0)
    """Seconds that a key rests after its first failure, and at most; each failure doubles them."""

    events: ClassVar[frozenset[type[Event]]]
