"""Makes commands again from the events that they caused, if the journal does not have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from comity.engine.history import history
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.messages.message import Event

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


def from_fields(
    decider: Decider[S, C, E], name: str, events: Iterable[E], *, every: bool = False
) -> C | None:
    """Make a command from the fields of its events that have the same names.

    This is a guess: an event may have less than its command, such as only what changed.

    Args:
        decider: has the command's class.
        name: the command's stored name, or an alias.
        events: what it caused, in order; the first event that has a field gives it.
        every: whether the events must give every field, also those with a default.

    Returns:
        The command; None if the decider has no such class, or if the fields do not fit it.
    """
    kind = history.command_class(decider, name)
    if kind is None:
        return None
    known = {field: value for event in reversed(list(events)) for field, value in event}
    if every and not kind.model_fields.keys() <= known.keys():
        return None
    try:
        return kind(**{field: known[field] for field in kind.model_fields if field in known})
    except Exception:  # the fields do not fit, or a validator of the domain fails
        return None
