"""Compares two keys without encoding them. Projections use it to skip unchanged keys."""

from __future__ import annotations

from typing import Any, cast

from comity.readmodels.keys.encoding import Descending


def same_key(one: object, other: object) -> bool:
    """Whether two keys have the same encoding. Equality is not enough: 1 == True == 1.0."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other) or one != other:
        return False
    if kind is tuple:
        for a, b in zip(cast("Any", one), cast("Any", other), strict=False):  # of equal length
            if a is not b and type(a) is not str and not same_key(a, b):
                return False
    elif kind is Descending:
        return same_key(cast("Any", one).value, cast("Any", other).value)
    return True
