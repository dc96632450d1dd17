"""Whether two keys are written alike, told without writing them. Projections skip what is."""

from __future__ import annotations

from typing import Any, cast

from comity.readmodels.keys import Descending


def same_key(one: object, other: object) -> bool:
    """Whether both would be the same bytes. Equality is not enough: 1 is True, and is 1.0."""
    if one != other:
        return False
    kind = type(one)
    if kind is tuple:
        pairs = zip(cast("Any", one), cast("Any", other), strict=True)
        return all(a is b or same_key(a, b) for a, b in pairs)
    if kind is Descending:
        return same_key(cast("Any", one).value, cast("Any", other).value)
    return kind is type(other)
