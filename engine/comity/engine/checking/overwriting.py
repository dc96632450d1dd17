"""Whether a footprint is too narrow: an event overwrites what an unseen one changed, unnoticed.

The parts of a state and the paths of footprints have different names, so they cannot be compared
with each other. But two events can: if both change one part of the state, the second leaves no
trace of the first there, and the other order would give another value, then the first change is
lost. A sender that has not seen the first event must therefore clash with it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from comity.engine.checking.copies import copied
from comity.engine.checking.differences import differences
from comity.engine.checking.parts import Part, at
from comity.engine.messages.message import commute

if TYPE_CHECKING:
    from comity.engine.merging.at import At
    from comity.engine.merging.domain_functions import Evolve
    from comity.engine.messages.message import Event

S = TypeVar("S")
E = TypeVar("E", bound="Event")


def overwrites(evolve: Evolve[S, E], state: S, earlier: E, later: E, at_: At, part: Part) -> bool:
    """Whether `later` overwrites what `earlier` changed in this part of the state.

    Args:
        evolve: the decider's `evolve`.
        state: a state on which both events can happen. It is not changed.
        earlier: the event that must not be lost.
        later: the event that may overwrite it.
        at_: the `at` of all events, so that only the events make a difference.
        part: a part that both events have changed.
    """
    if commute(earlier, later):  # as declared: it does not matter which one is last
        return False
    try:
        one, other, both, reverse = (
            _after(evolve, state, events, at_)
            for events in ((earlier,), (later,), (earlier, later), (later, earlier))
        )
    except Exception:  # one of them cannot happen on this state
        return False
    if _moves(part, (state, one, other, both, reverse)):
        return False
    left = at(both, part)
    trace_is_left = bool(differences(left, at(other, part)))
    order_matters = bool(differences(left, at(reverse, part)))
    if trace_is_left or not order_matters:
        return False
    return not _only_stands_elsewhere(part, state, both, reverse)


def _after(evolve: Evolve[S, E], state: S, events: Sequence[E], at_: At) -> S:
    state = copied(state)
    for event in events:
        state = evolve(state, event, at_)
    return state


def _moves(part: Part, states: Sequence[object]) -> bool:
    """Whether the part is in a list that has different lengths: the index means another item."""
    for length in range(len(part)):
        sizes = {_size(at(state, part[:length])) for state in states} - {None}
        if len(sizes) > 1:
            return True
    return False


def _only_stands_elsewhere(part: Part, state: object, both: object, reverse: object) -> bool:
    """Whether the part is in a list that holds the same items either way, in another order.

    An item that came later only stands behind the earlier one, and nothing is lost. But if the
    later event adds and removes no item, then it gives them an order, which may be lost.
    """
    for length in range(len(part) + 1):
        before, left, other = (_items(at(one, part[:length])) for one in (state, both, reverse))
        if left is not None and left == other and before != left:
            return True
    return False


def _items(value: object) -> Counter[str] | None:
    """Count the items of a list; None: it is none."""
    if type(value) not in {list, tuple, deque}:
        return None
    return Counter(map(repr, cast("Sequence[object]", value)))


def _size(value: object) -> int | None:
    """The length of a list; None for anything else."""
    if isinstance(value, (list, tuple, deque)):
        return len(cast("Sequence[object]", value))
    return None
