"""Describes a key's types in words, such as `(str, int)`. `key_kinds` compares them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, Union, cast, get_args, get_origin

from comity.engine.errors import Invalid
from comity.readmodels.keys.tags import DEEPEST
from comity.readmodels.keys.value import Descending
from comity.readmodels.keys.writer import KINDS, refuse, refuse_depth

_NAMES: Final[dict[type, str]] = {kind: kind.__name__ for kind in KINDS} | {NoneType: "None"}
_ANYTHING: Final = "None"
_FALLING: Final = "descending "


def family(key: object) -> str:
    """The types of a key in words, such as `str` or `(str, descending datetime)`.

    An Enum has its value's type. Values are not checked: NaN counts as a float.

    Raises:
        Invalid: keys cannot have this type, or it is nested too deeply.
    """
    return _NAMES.get(type(key)) or _family(key, 0)


def _family(key: object, depth: int) -> str:
    if type(key) in _NAMES:
        return _NAMES[type(key)]
    if depth > DEEPEST:
        raise refuse_depth()
    if isinstance(key, Descending):
        return falling(_family(cast("Descending[object]", key).value, depth + 1))
    if isinstance(key, Enum):
        return _family(key.value, depth + 1)
    if isinstance(key, tuple):
        return together([_family(part, depth + 1) for part in cast("tuple[object, ...]", key)])
    for kind, name in _NAMES.items():
        if isinstance(key, kind):
            return name
    raise refuse(key)


def together(families: Sequence[str]) -> str:
    """The family of a tuple of these families."""
    return f"({', '.join(families)}{',' * (len(families) == 1)})"


def falling(family: str) -> str:
    """The family of such values in descending order."""
    return _FALLING + family


def declared(annotation: object) -> str:
    """The family of a field's values; "None", which fits every family, if there are several."""
    kinds = set(_declared(annotation))
    return kinds.pop() if len(kinds) == 1 else _ANYTHING


def _declared(annotation: object) -> Iterator[str]:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        for one in args:
            yield from _declared(one)
    elif origin is Annotated:
        yield from _declared(args[0])
    elif origin is tuple and ... not in args:
        yield together([declared(one) for one in args])
    elif origin is Literal:
        yield from map(_known, args)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from map(_known, annotation)
    elif isinstance(annotation, type) and annotation in _NAMES:
        if annotation is not NoneType:
            yield _NAMES[annotation]
    else:
        yield _ANYTHING


def _known(value: object) -> str:
    try:
        return family(value)
    except Invalid:
        return _ANYTHING


@lru_cache(maxsize=1024)
def alike(one: str, other: str) -> bool:
    """Whether keys of two families fit into one index: their types are the same in every place.

    None fits every type. One tuple may be longer than the other: keys may be paths, and a query
    may give only the first values.
    """
    if one == other or _ANYTHING in (one, other):
        return True
    if one.startswith(_FALLING) and other.startswith(_FALLING):
        return alike(one.removeprefix(_FALLING), other.removeprefix(_FALLING))
    if one[0] == other[0] == "(":
        return all(map(alike, _parts(one), _parts(other)))  # ends with the shorter one
    return False


def _parts(family: str) -> list[str]:
    """The families of a tuple's values."""
    depth, parts = 0, [""]
    for letter in family[1:-1]:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part]
