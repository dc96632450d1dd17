"""The parts of a state, whatever it is made of.

A state may be a dataclass, a pydantic model, any other object, and dicts, lists and sets of them.
The name of a part is the way to it: `("cards", "c1", "title")`.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property, lru_cache
from typing import Final, TypeAlias, cast
from uuid import UUID

from pydantic import BaseModel

Part: TypeAlias = tuple[object, ...]
"""The way to a part of a state: keys, names of attributes, indexes, members of sets."""


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing()
"""The value of a part that a state does not have."""

_LEAVES = (
    str, bytes, int, float, complex, type(None), Enum, type, types.FunctionType, types.ModuleType,
    types.MethodType, types.BuiltinFunctionType,
)  # fmt: skip
ATOMS: Final = frozenset(
    (
        str,
        bytes,
        int,
        float,
        complex,
        bool,
        type(None),
        date,
        datetime,
        time,
        timedelta,
        Decimal,
        UUID,
    )
)
"""Types whose values never change and have no parts."""
_CONTAINERS = (dict, list, set, deque)


def children(whole: object) -> Mapping[object, object] | None:
    """Return the direct parts of a value; None if it is a leaf, without parts."""
    kind: type = type(whole)
    if kind in ATOMS:
        return None
    if _is_simple(kind):
        return cast("Mapping[object, object]", vars(whole))
    return _children(whole)


def _children(whole: object) -> Mapping[object, object] | None:
    if isinstance(whole, _LEAVES):
        return None
    if isinstance(whole, Mapping):
        return cast("Mapping[object, object]", whole)
    if isinstance(whole, (list, tuple, deque)):
        return dict(enumerate(cast("Sequence[object]", whole)))
    if isinstance(whole, (set, frozenset)):
        return dict.fromkeys(cast("set[object]", whole), True)
    held: dict[object, object] = dict(_attributes(whole))
    return held or None


def _attributes(whole: object) -> Iterator[tuple[str, object]]:
    kind: type = type(whole)
    if isinstance(whole, BaseModel):
        yield from (whole.__pydantic_private__ or {}).items()
        yield from (whole.__pydantic_extra__ or {}).items()
    elif not is_dataclass(whole) and _is_value(kind):
        return
    yield from of_class(whole).items()
    yield from ((name, getattr(whole, name)) for name in _slots(kind) if hasattr(whole, name))
    cached = _cached(kind)
    yield from (
        (name, value)
        for name, value in getattr(whole, "__dict__", {}).items()
        if name not in cached
    )


def of_class(whole: object) -> dict[str, object]:
    """Return the lists, dicts and sets that an object shares with all others of its class.

    A class has them by mistake if its body says `cards = {}` where `__init__` was meant to. Those
    that the object has of its own are left out.
    """
    kind: type = type(whole)
    names = _of_class(kind)
    if not names or not hasattr(whole, "__dict__") or isinstance(whole, BaseModel):
        return {}
    return {name: getattr(type(whole), name) for name in names if name not in vars(whole)}


@lru_cache(maxsize=1024)
def _is_simple(kind: type) -> bool:
    """Whether the parts of the class's objects are just what is in their `__dict__`."""
    plain = has_only_a_dict(kind) and not _of_class(kind) and not _cached(kind)
    return plain and (not _is_value(kind) or is_dataclass(kind))


@lru_cache(maxsize=1024)
def has_only_a_dict(kind: type) -> bool:
    """Whether objects of the class have a `__dict__` and no other place for attributes."""
    builtin = (*_LEAVES, *_CONTAINERS, tuple, frozenset, Mapping, BaseModel)
    return bool(kind.__dictoffset__) and not _slots(kind) and not issubclass(kind, builtin)


@lru_cache(maxsize=1024)
def _is_value(kind: type) -> bool:
    """Whether objects of the class compare themselves and never change, as dates do."""
    hashes: object = kind.__hash__  # None if they may change
    return hashes is not None and not is_identity(kind)


def is_identity(kind: type) -> bool:
    """Whether objects of the class are equal only to themselves."""
    equal: object = kind.__eq__
    return equal is object.__eq__


@lru_cache(maxsize=1024)
def _of_class(kind: type) -> frozenset[str]:
    return frozenset(
        name
        for each in kind.__mro__
        for name, value in vars(each).items()
        if isinstance(value, _CONTAINERS) and not name.startswith("__")
    )


@lru_cache(maxsize=1024)
def _cached(kind: type) -> frozenset[str]:
    """The names of properties that keep their value in the object once they are read."""
    return frozenset(
        name
        for each in kind.__mro__
        for name, value in vars(each).items()
        if isinstance(value, cached_property)
    )


@lru_cache(maxsize=1024)
def _slots(kind: type) -> Sequence[str]:
    return [
        name
        for each in kind.__mro__
        for name in _named(vars(each).get("__slots__"))
        if name not in {"__dict__", "__weakref__", "__pydantic_fields_set__"}
        and not name.startswith("__pydantic")
    ]


def _named(slots: object) -> Sequence[str]:
    if slots is None:
        return ()
    return (slots,) if isinstance(slots, str) else tuple(cast("Sequence[str]", slots))


def at(state: object, part: Part) -> object:
    """Return the value of a part; `MISSING` if the state has no such part."""
    for key in part:
        held = children(state) or {}
        if key not in held:
            return MISSING
        state = held[key]
    return state


def show_part(part: Part) -> str:
    """A part as text: `cards/c1/title`; the whole state is `the state`."""
    return "/".join(map(str, part)) or "the state"


def is_shared(state: object) -> bool:
    """Whether several aggregates may have this one object as their state: a number, a tuple."""
    return children(state) is None or isinstance(state, (tuple, frozenset))


def walk(state: object) -> Iterator[tuple[Part, object]]:
    """Yield each value in a state that has parts or may get some, once, from the top."""
    met = set[int]()
    waiting: list[tuple[Part, object]] = [((), state)]
    while waiting:
        way, value = waiting.pop()
        held = children(value)
        if held is not None and id(value) not in met:
            met.add(id(value))
            yield way, value
            waiting += [((*way, key), each) for key, each in held.items()]
