"""Copies states quickly, for views: a person may keep and change what it sees."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Final, TypeVar, cast

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")

_LEAVES: Final = frozenset({str, int, float, bool, bytes, NoneType})


def copied(whole: T) -> T:
    """Return a copy that shares no mutable part with the original.

    It takes a tenth of the time of `copy.deepcopy` for dataclasses, dicts and lists. If a mutable
    part occurs twice in the original, it becomes two parts in the copy.
    """
    kind = type(whole)
    return whole if kind in _LEAVES else cast("T", _copier(cast("Hashable", kind))(whole))


@cache
def _copier(of: Hashable) -> Callable[[object], object]:
    """Return the function that copies objects of exactly this class."""
    kind = cast("type[object]", of)
    if kind in _BUILT_IN:
        return _BUILT_IN[kind]
    if issubclass(kind, Enum):
        return lambda whole: whole
    if is_dataclass(kind) and not hasattr(kind, "__deepcopy__"):
        return _of_dataclass(kind)
    return copy.deepcopy


def _of_dataclass(kind: type[object]) -> Callable[[object], object]:
    def with_dict(whole: object) -> object:
        made = object.__new__(kind)
        made.__dict__ = cast("dict[str, object]", _dict(whole.__dict__))
        return made

    def with_slots(whole: object) -> object:
        made = object.__new__(kind)
        for name in names:
            object.__setattr__(made, name, copied(getattr(whole, name)))
        return made

    names = [field.name for field in fields(cast("type[DataclassInstance]", kind))]
    slotted = any("__slots__" in vars(each) for each in kind.__mro__[:-1])
    return with_slots if slotted else with_dict


def _dict(whole: object) -> object:
    parts = cast("dict[object, object]", whole)
    return {name: part if type(part) in _LEAVES else copied(part) for name, part in parts.items()}


def _list(whole: object) -> object:
    return [copied(part) for part in cast("list[object]", whole)]


def _tuple(whole: object) -> object:
    return tuple([copied(part) for part in cast("tuple[object, ...]", whole)])


_BUILT_IN: Final[dict[type[object], Callable[[object], object]]] = {
    dict: _dict,
    list: _list,
    tuple: _tuple,
    set: lambda whole: set(cast("set[object]", whole)),
    frozenset: lambda whole: whole,
}
