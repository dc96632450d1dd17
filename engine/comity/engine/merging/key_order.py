"""Whether the messages of a decider name the same things in the same order."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from comity.engine.errors import WiringError
from comity.engine.messages.footprint import Hole, Pattern
from comity.engine.messages.message import patterns_of

if TYPE_CHECKING:
    from comity.engine.messages.message import Message


def check_one_order(kinds: Iterable[type[Message]], decider: str) -> None:
    """Refuse messages whose paths begin with the same keys in another order.

    `room/a/hour/1` and `hour/1/room/a` mean one thing, and are never found to overlap: two people
    would book the same room for the same hour, and the second one would be merged.

    Raises:
        WiringError: two of the classes do; the text names them.
    """
    known: dict[frozenset[str], tuple[tuple[str, ...], type[Message]]] = {}
    for kind in kinds:
        for pattern in patterns_of(kind):
            keys = _keys(pattern)
            first, other = known.setdefault(frozenset(keys), (keys, kind))
            if first != keys:
                msg = (
                    f"{decider}: {other.__name__} has the keys {', '.join(first)} in this order, "
                    f"and {kind.__name__} has {', '.join(keys)}: their paths would never overlap; "
                    "give both one order, or say `touches` on one of them"
                )
                raise WiringError(msg)


def _keys(pattern: Pattern) -> tuple[str, ...]:
    """The fields that name the thing: each placeholder after a segment of its own name."""
    return tuple(
        [
            part.field
            for before, part in pairwise(pattern)
            if isinstance(part, Hole) and before == part.field
        ]
    )
