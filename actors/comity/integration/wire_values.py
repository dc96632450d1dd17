"""The values of fields as JSON for other systems. CloudEvents use it; `wire_reading` reads it.

A field's JSON says what any language reads: ISO 8601 for times and durations, base64 for bytes,
text for amounts (a number would be rounded), lists for tuples and sets, stored names for fields.
"""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import TypeAlias, cast

from comity.engine import Value
from comity.engine.messages.bounds import MICROSECOND

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A value as JSON has it."""


def fields_of(record: Value) -> dict[str, Json]:
    """The fields of a message or nested record as JSON, by their stored names."""
    names = zip(record.__stored__.names, record.__named__, strict=True)
    return {stored: to_json(getattr(record, own)) for stored, own in names}


def to_json(value: object) -> Json:
    """A field's value as JSON."""
    match value:
        case Enum():
            return to_json(value.value)
        case None | bool() | int() | float() | str():
            return value
        case Value():
            return fields_of(value)
        case tuple():
            return [to_json(item) for item in cast("tuple[object, ...]", value)]
        case frozenset():  # sorted, so that a second try sends the same bytes
            return sorted(map(to_json, cast("frozenset[object]", value)), key=json.dumps)
        case _:
            return _text(value)


def _text(value: object) -> str:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _duration(value)
        case _:
            return str(value)


def _duration(value: timedelta) -> str:
    """ISO 8601 in days and seconds: years and months have no fixed length."""
    whole = value // MICROSECOND
    seconds, micros = divmod(abs(whole), 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    return f"{'-' if whole < 0 else ''}P{days}DT{seconds}.{micros:06d}S"
