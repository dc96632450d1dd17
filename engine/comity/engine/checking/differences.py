"""Where two states differ, whatever they are made of."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from comity.engine.checking.classes import is_identity
from comity.engine.checking.parts import MISSING, Part, children


def differences(one: object, other: object) -> list[Part]:
    """Return the parts where two states differ, each as high as the difference goes.

    The order of dicts and sets does not matter. Lists of different lengths differ as a whole.
    """
    return list(_differences(one, other, (), set()))


def _differences(
    one: object, other: object, way: Part, met: set[tuple[int, int]]
) -> Iterator[Part]:
    pair = id(one), id(other)
    if one is other or pair in met:
        return
    ours, theirs = children(one), children(other)
    if type(one) is not type(other) or (ours is None) is not (theirs is None):
        yield way
    elif ours is None or theirs is None:
        if not _equal(one, other):
            yield way
    elif _is_ordered(one) and len(ours) != len(theirs):
        yield way
    else:
        met.add(pair)
        for key in (*ours, *(key for key in theirs if key not in ours)):
            mine, yours = ours.get(key, MISSING), theirs.get(key, MISSING)
            if mine is MISSING or yours is MISSING:
                yield (*way, key)
            elif mine is not yours:  # most values are: copies share what cannot change
                yield from _differences(mine, yours, (*way, key), met)


def _is_ordered(one: object) -> bool:
    return isinstance(one, (list, tuple, deque))


def _equal(one: object, other: object) -> bool:
    if is_identity(type(one)):  # it has no parts and no equality: nothing to compare
        return True
    try:
        return bool(one == other) or (one != one and other != other)  # noqa: PLR0124 - NaN
    except Exception:  # the domain's own __eq__
        return True
