"""The deciders of some events, named or found, for programs without the domain.

Builds of read models and deliveries in a process of their own use it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from comity.engine.arguments import check_several
from comity.engine.errors import WiringError
from comity.engine.merging.decider import Decider
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.engine.merging.decider import AggregateType, AnyDecider

NAMING: Final = "--decider MODULE:NAME, or deciders=[...]"
"""How a user names deciders; a part of errors' texts."""


def found_deciders(
    owner: type, events: frozenset[type[Event]], deciders: Iterable[AggregateType] | None
) -> list[AnyDecider]:
    """Return these deciders; if None, those in the modules of the owner and its events.

    Args:
        owner: the class that listens to the events.
        events: the events.
        deciders: the domain's deciders, if they are named.

    Raises:
        WiringError: no decider has some of the events, or two deciders have one name.
    """
    known = _beside(owner, events) if deciders is None else _named(deciders)
    names = [decider.name for decider in known]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"two deciders are called {twice[0]}: name that of the domain ({NAMING})"
        raise WiringError(msg)
    of_deciders = {kind for decider in known for kind in decider.events}
    missing = sorted(kind.__name__ for kind in events - of_deciders)
    if missing:
        msg = (
            f"{owner.__name__} listens to {', '.join(missing)}, and no decider of that was "
            f"found: name it ({NAMING})"
        )
        raise WiringError(msg)
    return known


def _named(deciders: Iterable[AggregateType]) -> list[AnyDecider]:
    for one in (several := check_several(deciders, "deciders", WiringError)):
        if not isinstance(one, Decider):
            msg = f"deciders is a list of Decider(...), got {one!r:.100} in it"
            raise WiringError(msg)
    return cast("list[AnyDecider]", several)


def _beside(owner: type, events: frozenset[type[Event]]) -> list[AnyDecider]:
    """Find the deciders of the events in the modules of the owner and of the events."""
    found: dict[int, AnyDecider] = {}
    for name in sorted({kind.__module__ for kind in (owner, *events)}):
        for value in vars(sys.modules[name]).values():
            if isinstance(value, Decider):
                decider = cast("AnyDecider", value)
                if events.intersection(decider.events):
                    found[id(decider)] = decider
    return list(found.values())
