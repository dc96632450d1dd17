"""Makes commands again from the events that they caused. The journal keeps few commands whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from comity.engine import Command, Event, Invalid, Recorded, Sent
from comity.engine.history.made_again import from_fields
from comity.engine.merging.decider import AnyDecider

CommandOf: TypeAlias = Callable[[Sequence[Recorded[Event]]], Command | None]
"""Makes a command from the events that it caused, in order; None: leave the command out."""

Commands: TypeAlias = Mapping[str, CommandOf | None]
"""By the name of a command's class: how it is made from its events; None: leave it out."""


def by_fields(
    decider: AnyDecider, name: str, state: object, sent: Sent, events: Sequence[Recorded[Event]]
) -> Command | None:
    """Make a command from the fields of its events that have the same names.

    Args:
        decider: has the command's class.
        name: the command's name in the journal.
        state: the state on which the command was decided.
        sent: how it was sent.
        events: what it caused.

    Returns:
        The command, if it gives the recorded events on the recorded state; otherwise None.
    """
    command = from_fields(decider, name, [one.event for one in events])
    if command is None:
        return None
    try:
        same = list(decider.decide(state, command, sent)) == [one.event for one in events]
    except Exception:  # domain code refuses it, or fails on it
        return None
    return command if same else None


class Unplayable(Invalid):
    """Some recorded commands cannot be made again from their events. Pass `commands=` for them."""
