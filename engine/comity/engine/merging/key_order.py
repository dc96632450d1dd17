"""Checks that the messages of a decider have the same keys in the same order."""

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
    """Refuse message classes whose paths have the same keys in a different order.

    `room/a/hour/1` and `hour/1/room/a` mean the same, but do not overlap as paths: two people
    could book the same room for the same hour, and the second booking would be merged.

    Raises:
        WiringError: two classes differ in their order; the text names them.
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
    """Return the pattern's keys: each placeholder that follows a segment of its own name."""
    return tuple(
        [
            part.field
            for before, part in pairwise(pattern)
            if isinstance(part, Hole) and before == part.field
        ]
    )
