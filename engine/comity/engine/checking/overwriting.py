"""Whether a footprint is too narrow: an event overwrites what an unseen one changed, unnoticed.

The parts of a state and the paths of footprints have different names, so they cannot be compared
with each other. But two events can: if both change one part of the state, the second leaves no
trace of the first there, and the other order would give another value, then the first change is
lost. A sender that has not seen the first event must therefore clash with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from comity.engine.checking.copies import copied
from comity.engine.checking.differences import differences
from comity.engine.checking.parts import MISSING, Part, at
from comity.engine.messages.message import commute

if TYPE_CHECKING:
    from comity.engine.merging.at import At
    from comity.engine.merging.decider import Evolve
    from comity.engine.messages.message import Event

S = TypeVar("S")
E = TypeVar("E", bound="Event")


def overwrites(
    evolve: Evolve[S, E], state: S, earlier: E, later: E, at_: At, part: Part
) -> Part | None:
    """Return the part where `later` overwrites what `earlier` changed, or None if it does not.

    Args:
        evolve: the decider's `evolve`.
        state: a state on which both events can happen. It is not changed.
        earlier: the event that must not be lost.
        later: the event that may overwrite it.
        at_: the `at` of all events, so that only the events make a difference.
        part: a part that both events have changed.
    """
    if commute(earlier, later):  # as declared: it does not matter which one is last
        return None
    try:
        one, other, both, reverse = (
            _after(evolve, state, events, at_)
            for events in ((earlier,), (later,), (earlier, later), (later, earlier))
        )
    except Exception:  # one of them cannot happen on this state
        return None
    part = _steady(part, (state, one, other, both, reverse))
    left = at(both, part)
    if differences(left, at(other, part)) or not differences(left, at(reverse, part)):
        return None  # a trace is left, or the order does not matter
    return part


def _after(evolve: Evolve[S, E], state: S, events: Sequence[E], at_: At) -> S:
    state = copied(state)
    for event in events:
        state = evolve(state, event, at_)
    return state


def _steady(part: Part, states: Sequence[object]) -> Part:
    """Cut the part at the first list that has different lengths: its indexes mean other items."""
    for length in range(len(part)):
        lists = [at(state, part[:length]) for state in states]
        if any(isinstance(one, (list, tuple, deque)) for one in lists):
            sizes = {
                len(cast("Sequence[object]", one)) if one is not MISSING else 0
                for one in lists
                if one is MISSING or isinstance(one, (list, tuple, deque))
            }
            if len(sizes) > 1:
                return part[:length]
    return part
