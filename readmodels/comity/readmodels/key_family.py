"""The kinds of values that a key is made of, in words. Tables and indexes refuse others by it.

Keys of other kinds sort elsewhere, so that such a question would find nothing, in silence.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Final, cast

from comity.readmodels.key_tags import DEEPEST
from comity.readmodels.key_value import Descending
from comity.readmodels.key_writer import KINDS, refuse, refuse_depth

_NAMES: Final[dict[type, str]] = {kind: kind.__name__ for kind in KINDS} | {type(None): "None"}
_FALLING: Final = "descending "


def family(key: object) -> str:
    """The kinds of values that it is made of, such as `str` or `(str, descending datetime)`.

    An Enum is of its value's kind. It does not look at values: NaN is a float here.

    Raises:
        Invalid: it is of a type that keys cannot have, or too deep.
    """
    return _NAMES.get(type(key)) or _family(key, 0)


def _family(key: object, depth: int) -> str:
    if type(key) in _NAMES:
        return _NAMES[type(key)]
    if depth > DEEPEST:
        raise refuse_depth()
    if isinstance(key, Descending):
        return _FALLING + _family(cast("Descending[object]", key).value, depth + 1)
    if isinstance(key, Enum):
        return _family(key.value, depth + 1)
    if isinstance(key, tuple):
        parts = [_family(part, depth + 1) for part in cast("tuple[object, ...]", key)]
        return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    for kind, name in _NAMES.items():
        if isinstance(key, kind):
            return name
    raise refuse(key)


@lru_cache(maxsize=1024)
def alike(one: str, other: str) -> bool:
    """Whether keys of these two families can stand in one index: at no place do they differ.

    None goes with everything. Of two tuples the shorter may be the beginning of the longer, as
    where keys are paths, or where one asks for a beginning.
    """
    if one == other or "None" in (one, other):
        return True
    if one.startswith(_FALLING) and other.startswith(_FALLING):
        return alike(one.removeprefix(_FALLING), other.removeprefix(_FALLING))
    if one[0] == other[0] == "(":
        return all(map(alike, _parts(one), _parts(other)))  # ends with the shorter one
    return False


def _parts(family: str) -> list[str]:
    """The families in a tuple's."""
    depth, parts = 0, [""]
    for letter in family[1:-1]:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part]
