"""Stored values as JSON, which keeps them exactly. Samples and defaults are kept so.

JSON has no bytes: they become `{"$bytes": "c3bf"}`. No field's stored name can begin with `$`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from pydantic import JsonValue

BYTES: Final = "$bytes"


def to_json(stored: object) -> JsonValue:
    """Return a stored value as JSON: tuples become lists, bytes are tagged.

    Raises:
        TypeError: messages cannot store such a value.
    """
    if stored is None or isinstance(stored, (bool, int, float, str)):
        return stored
    if isinstance(stored, bytes):
        return {BYTES: stored.hex()}
    if isinstance(stored, (tuple, list)):
        return [to_json(item) for item in cast("Sequence[object]", stored)]
    if isinstance(stored, Mapping):
        fields = cast("Mapping[str, object]", stored)
        return {name: to_json(value) for name, value in fields.items()}
    msg = f"{type(stored).__name__} cannot be stored"
    raise TypeError(msg)


def from_json(value: JsonValue) -> object:
    """Return the stored value that `to_json` was given, with tuples for lists.

    Raises:
        ValueError: it is tagged as bytes, and holds none.
    """
    if isinstance(value, list):
        return tuple(from_json(item) for item in value)
    if isinstance(value, dict):
        if value.keys() == {BYTES}:
            return bytes.fromhex(str(value[BYTES]))
        return {name: from_json(item) for name, item in value.items()}
    return value
