"""Converts any value to JSON's types, so that text and JSON output show the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import cast

from pydantic import BaseModel
from pydantic_core import to_jsonable_python


def plain(value: object) -> object:
    """The value as dicts, lists, str, numbers, bools and None; bytes become hexadecimal."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case bytes() | bytearray() | memoryview():
            return value.hex()
        case Mapping() | AbstractSet() | Sequence():
            return _collection(cast("Mapping[object, object]", value))
        case _:
            return _record(value)


def _collection(
    values: Mapping[object, object] | AbstractSet[object] | Sequence[object],
) -> object:
    if isinstance(values, Mapping):
        return {str(key): plain(one) for key, one in values.items()}
    if isinstance(values, Sequence):
        return [plain(one) for one in values]
    return sorted(map(plain, values), key=repr)  # so that equal states print the same


def _record(value: object) -> object:
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return cast("object", to_jsonable_python(value, fallback=repr))
