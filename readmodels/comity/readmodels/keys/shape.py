"""Finds the fields of a key by calling its function with a spy. `where` and errors use it."""

from __future__ import annotations

import dis
import types
from collections.abc import Callable
from typing import NamedTuple, NoReturn, cast

from comity.readmodels.keys.encoding import Descending


class KeyShape(NamedTuple):
    """A key that is one field of its row, or a tuple of fields."""

    fields: tuple[str, ...]
    falling: tuple[bool, ...]
    """For each field, whether it is `descending`."""
    is_tuple: bool


_JUMPS = frozenset([*dis.hasjrel, *dis.hasjabs])
_ELSEWHERE = frozenset(["LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"])


class _Opaque(Exception):
    pass


def _refuse(*_: object) -> NoReturn:
    raise _Opaque


class _Field:
    """Stands for the value of a field. Any operation on it raises: the key is computed then."""

    def __init__(self, name: str) -> None:
        self.name = name


for _way in [
    "bool",
    "str",
    "format",
    "iter",
    "len",
    "hash",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "getattr",
    "getitem",
    "call",
    "add",
    "radd",
    "neg",
    "contains",
]:
    setattr(_Field, f"__{_way}__", _refuse)  # operators are looked up on the class


class _Spy:
    """Stands for a row; each of its fields is a `_Field`."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> _Field:
        if name not in self._names:
            raise _Opaque
        return _Field(name)


def _goes_straight(function: Callable[..., object]) -> bool:
    """Whether its code has no branches: the spy would not notice a comparison with `is`."""
    code: object = getattr(function, "__code__", None)
    return isinstance(code, types.CodeType) and not any(
        step.opcode in _JUMPS or (step.opname in _ELSEWHERE and step.argval != "descending")
        for step in dis.get_instructions(code)
    )


def key_shape(function: Callable[..., object], names: frozenset[str]) -> KeyShape | None:
    """The fields of the key; None if it is computed, or missing for some rows."""
    if not _goes_straight(function):
        return None
    try:
        key = function(_Spy(names))
    except Exception:  # a function that computes with a spy may raise anything
        return None
    is_tuple = isinstance(key, tuple)
    parts = cast("tuple[object, ...]", key) if is_tuple else (key,)
    falling = tuple(isinstance(part, Descending) for part in parts)
    values = [
        cast("Descending[object]", part).value if isinstance(part, Descending) else part
        for part in parts
    ]
    fields = tuple(value.name for value in values if isinstance(value, _Field))
    return KeyShape(fields, falling, is_tuple) if len(fields) == len(values) > 0 else None
