"""What objects of a class hold, and where: asked once for each class."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property, lru_cache
from typing import Final, cast
from uuid import UUID

from pydantic import BaseModel

LEAVES: Final = (
    str, bytes, int, float, complex, type(None), Enum, type, types.FunctionType, types.ModuleType,
    types.MethodType, types.BuiltinFunctionType,
)  # fmt: skip
"""Types whose values have no parts that a domain could change."""
ATOMS: Final = frozenset({
    str, bytes, int, float, complex, bool, type(None), date, datetime, time, timedelta, Decimal,
    UUID,
})  # fmt: skip
"""Types whose values never change and have no parts."""
_CONTAINERS = (dict, list, set, deque)


def of_class(whole: object) -> dict[str, object]:
    """Return the lists, dicts and sets that an object shares with all others of its class.

    A class has them by mistake if its body says `cards = {}` where `__init__` was meant to. Those
    that the object has of its own are left out.
    """
    kind: type = type(whole)
    names = shared_names(kind)
    if not names or not hasattr(whole, "__dict__") or isinstance(whole, BaseModel):
        return {}
    return {name: getattr(type(whole), name) for name in names if name not in vars(whole)}


@lru_cache(maxsize=1024)
def is_simple(kind: type) -> bool:
    """Whether the parts of the class's objects are just what is in their `__dict__`."""
    plain = has_only_a_dict(kind) and not shared_names(kind) and not cached_names(kind)
    return plain and (not is_value(kind) or is_dataclass(kind))


@lru_cache(maxsize=1024)
def has_only_a_dict(kind: type) -> bool:
    """Whether objects of the class have a `__dict__` and no other place for attributes."""
    builtin = (*LEAVES, *_CONTAINERS, tuple, frozenset, Mapping, BaseModel)
    return bool(kind.__dictoffset__) and not slots_of(kind) and not issubclass(kind, builtin)


@lru_cache(maxsize=1024)
def is_value(kind: type) -> bool:
    """Whether objects of the class compare themselves and never change, as dates do."""
    hashes: object = kind.__hash__  # None if they may change
    return hashes is not None and not is_identity(kind)


def is_identity(kind: type) -> bool:
    """Whether objects of the class are equal only to themselves."""
    equal: object = kind.__eq__
    return equal is object.__eq__


@lru_cache(maxsize=1024)
def shared_names(kind: type) -> frozenset[str]:
    """The names of the lists, dicts and sets in the class's body."""
    return frozenset(
        name
        for each in kind.__mro__
        for name, value in vars(each).items()
        if isinstance(value, _CONTAINERS) and not name.startswith("__")
    )


@lru_cache(maxsize=1024)
def cached_names(kind: type) -> frozenset[str]:
    """The names of properties that keep their value in the object once they are read."""
    return frozenset(
        name
        for each in kind.__mro__
        for name, value in vars(each).items()
        if isinstance(value, cached_property)
    )


@lru_cache(maxsize=1024)
def slots_of(kind: type) -> Sequence[str]:
    """The names of the class's slots."""
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
