"""Shrinks a list: leaves out as many things as it can, such as people, or steps of one person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from comity.simulation.shrinking.patience import Patience

T = TypeVar("T")


def shrink_things(
    things: Sequence[T],
    still_fails: Callable[[Sequence[T]], bool],
    patience: Patience | None = None,
) -> list[T]:
    """Return the fewest of the things, in their order, with which it still fails.

    Large parts are left out first, then smaller ones. When the patience is over, the result is the
    best one so far. Without patience, no single thing can be left out of the result.

    Args:
        things: what it fails with.
        still_fails: whether it fails with these.
        patience: how long to try.

    Example:
        few = shrink_things(people, lambda some: play(some).failure is not None)
    """
    kept, patience = list(things), patience or Patience()
    size = len(kept)
    while size:
        at, shorter = 0, False
        while at < len(kept):
            without = kept[:at] + kept[at + size :]
            if not patience.takes():
                return kept
            if still_fails(without):
                kept, shorter = without, True
            else:
                at += size
        if size > 1 or not shorter:
            size //= 2
    return kept
