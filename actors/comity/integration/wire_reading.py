"""The values of fields from the JSON of other systems: see `wire_values`."""

from __future__ import annotations

import base64
import binascii
import json
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from pydantic import TypeAdapter

from comity.engine import Invalid, Value
from comity.engine.messages.fields import bare
from comity.integration.unions import flat, is_union
from comity.integration.wire_values import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

_TEXTS: Final = (datetime, date, time, timedelta, UUID, Decimal)
"""The types that JSON has as text."""


def from_json(annotation: object, value: object) -> object:
    """A field's value from JSON. It may still not fit the field: validate it afterwards.

    Raises:
        Invalid: it is no JSON of this type.
        ValueError: the same, as pydantic says it.
    """
    annotation = bare(annotation)
    origin, members = typing.get_origin(annotation), typing.get_args(annotation)
    if is_union(annotation):
        return _one_of(members, value)
    if origin is typing.Literal:
        return _equal_to(members, value)
    if origin is tuple:
        return _items(members, value)
    if origin is frozenset:
        return frozenset(_items((members[0], ...), value))
    if isinstance(annotation, type):
        return _of_class(annotation, value)
    return value


def _of_class(kind: type[object], value: object) -> object:
    if kind is bytes:
        return _decoded(value)
    if issubclass(kind, Enum):
        return _equal_to(tuple(kind), value)
    if issubclass(kind, Value):
        return _record(kind, value)
    return _reading(kind)(value) if kind in _TEXTS else value


def _record(kind: type[Value], value: object) -> Value:
    if not isinstance(value, Mapping):
        raise Invalid(f"expected the fields of a {kind.__name__}, got {value!r:.100}")
    fields = kind.__stored__.either(cast("Mapping[str, object]", value))
    for name, info in kind.model_fields.items():
        if name in fields:
            fields[name] = from_json(info.annotation, fields[name])
    record: Value = kind.__pydantic_validator__.validate_python(fields)
    return record


def _one_of(members: Sequence[object], value: object) -> object:
    """A value of an optional type, or of several plain ones; then a text is str before bytes."""
    if value is None:
        return None
    wanted = list(flat(members))
    if len(wanted) == 1:
        return from_json(wanted[0], value)
    for member in wanted:
        if _may_be(member, value):
            try:
                return from_json(member, value)
            except Invalid:
                continue
    return value


def _may_be(member: object, value: object) -> bool:
    origin = typing.get_origin(member)
    if isinstance(value, str):
        return member is str or member is bytes or origin is typing.Literal
    return isinstance(value, list) and origin is tuple


def _items(members: Sequence[object], value: object) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise Invalid(f"expected a list, got {value!r:.100}")
    items = cast("Sequence[object]", value)
    if members[1:] == (...,):
        return tuple(from_json(members[0], item) for item in items)
    if len(members) != len(items):
        raise Invalid(f"expected a list of {len(members)} items, got {len(items)}")
    return tuple(map(from_json, members, items))


def _equal_to(members: Sequence[object], value: object) -> object:
    """The one of these members that JSON has as this value; 1 is not true, and not 1.0."""
    for member in members:
        wanted = to_json(member)
        if type(wanted) is type(value) and wanted == value:
            return member
    raise Invalid(f"expected one of {[to_json(member) for member in members]!r:.200}")


def _decoded(value: object) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise Invalid(f"expected bytes as base64, got {value!r:.100}")


@cache
def _reading(kind: type[object]) -> Callable[[object], object]:
    """Return what reads a type that JSON has as text, as pydantic reads JSON."""
    adapter = TypeAdapter[object](kind)

    def read(value: object) -> object:
        if not isinstance(value, str):
            raise Invalid(f"expected a text, got {value!r:.100}")
        return adapter.validate_json(json.dumps(value), strict=True)

    return read
