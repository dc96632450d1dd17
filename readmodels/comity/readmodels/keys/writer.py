"""Encodes keys type by type, in the format of `tags.py`. `encoding.py` uses it.

Every query and every change of a row calls it, so it is written for speed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from struct import Struct
from typing import Any, Final, cast
from uuid import UUID

from comity.engine.errors import Invalid
from comity.engine.messages.bounds import EPOCH, MICROSECOND
from comity.engine.text import brief
from comity.readmodels.keys import tags
from comity.readmodels.keys.value import Descending

_NONE, _INT, _DECIMAL, _BYTES, _UUID, _FALLING, _TUPLE = (
    bytes([tag])
    for tag in (
        tags.NONE,
        tags.INT,
        tags.DECIMAL,
        tags.BYTES,
        tags.UUID_,
        tags.FALLING,
        tags.TUPLE,
    )
)
_FALSE, _TRUE = bytes([tags.BOOL, 0]), bytes([tags.BOOL, 1])
_TUPLE_TAG, _TEXT_TAG, _TEXT_STOP = chr(tags.TUPLE), chr(tags.TEXT), tags.STOP.decode()
_STOP, _END, _INVERTED = tags.STOP, tags.END, tags.INVERTED
_BYTE: Final = [bytes([byte]) for byte in range(256)]
_DIGITS: Final = bytes((byte + 1) % 256 for byte in range(256))
"""A table for `translate`: a digit as a byte that is not zero."""
_FLOAT_UP: Final = Struct(">Bd")
_FLOAT_DOWN: Final = Struct(">d")
_DOWN: Final = bytes([tags.FLOAT])
_MOMENT: Final = Struct(">BQ")
_DATE: Final = Struct(">BI")
_SPAN: Final = Struct(">BIII")
_FIRST, _LAST = (
    (edge.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
    for edge in (datetime.min, datetime.max)  # noqa: DTZ901 - the zone is added here
)

Writer = Callable[[Any], bytes]


def _write(key: object, depth: int) -> bytes:
    writer = _PLAIN.get(type(key))
    return writer(key) if writer else _write_other(key, depth)


def _write_other(key: object, depth: int = 1) -> bytes:
    """Write a value that holds others, or one of a subclass, such as a NamedTuple or a StrEnum."""
    if depth > tags.DEEPEST:
        raise refuse_depth()
    if isinstance(key, Descending):
        held = cast("Descending[object]", key).value
        return _FALLING + _write(held, depth + 1).translate(_INVERTED)
    if isinstance(key, Enum):
        return _write(key.value, depth + 1)
    if isinstance(key, tuple):
        parts = cast("tuple[object, ...]", key)
        return _TUPLE + b"".join([_write(part, depth + 1) for part in parts]) + _END
    for kind, writer in _PLAIN.items():
        if isinstance(key, kind):
            return writer(key)
    raise refuse(key)


def refuse(key: object) -> Invalid:
    """The error for a value that cannot be a key."""
    return Invalid(
        "expected a key of str, int, float, bool, bytes, datetime, date, time, timedelta, UUID, "
        f"Enum, Decimal, or a tuple of these, got {type(key).__name__} {said(key)}: use one of "
        "its fields, or convert it to one of these"
    )


def refuse_depth() -> Invalid:
    """The error for a key that is nested too deeply."""
    return Invalid(
        f"expected a key at most {tags.DEEPEST} levels deep, got a deeper one: flatten it"
    )


def _write_tuple(parts: tuple[object, ...]) -> bytes:
    """Write a tuple that is the whole key or its beginning, without an end mark.

    Most tuples hold plain text only. Such a tuple is joined as text, in half the time.
    """
    text = _TUPLE_TAG
    for part in parts:
        if type(part) is not str or "\0" in part:
            return _write_parts(parts)
        text = f"{text}{_TEXT_TAG}{part}{_TEXT_STOP}"
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _write_parts(parts)  # its error names the part


def _write_parts(parts: tuple[object, ...]) -> bytes:
    data = _TUPLE
    for part in parts:
        writer = _PLAIN.get(type(part))
        data += writer(part) if writer else _write_other(part)
    return data


def write_whole(key: object) -> bytes:
    """Write a key whose class is neither tuple nor in `WRITERS`."""
    value = key
    while isinstance(value, Enum):
        value = value.value
    if isinstance(value, tuple):
        return _write_tuple(cast("tuple[object, ...]", value))
    return _write(value, 1)


def said(key: object) -> str:
    """The value as text for errors."""
    try:
        return brief(repr(key), 80)
    except Exception:  # an int of over 4,300 digits, or the domain's own class
        return "(cannot be shown)"


# --- plain values ---------------------------------------------------------------------------------


def _write_text(key: str) -> bytes:
    try:
        data = (_TEXT_TAG + key + _TEXT_STOP).encode()  # joining bytes takes twice as long
    except UnicodeEncodeError:
        msg = (
            f"expected text that UTF-8 can encode, got {said(key)} with half of a surrogate pair: "
            "repair it where it is read"
        )
        raise Invalid(msg) from None
    if "\0" in key:
        data = data[: -len(_STOP)].replace(b"\0", b"\0\xff") + _STOP
    return data


def _write_bytes(key: bytes) -> bytes:
    return _BYTES + key.replace(b"\0", b"\0\xff") + _STOP


def _write_int(key: int) -> bytes:
    return _INT + _whole(key)


def _whole(key: int) -> bytes:
    size = (key.bit_length() + 7) >> 3
    if size > tags.LONGEST_INT:
        msg = (
            f"expected an int of at most {tags.LONGEST_INT} bytes, got one of {size:,}: "
            "use a hash of it"
        )
        raise Invalid(msg)
    if key >= 0:
        return _BYTE[0x80 + size] + key.to_bytes(size, "big")
    return _BYTE[0x80 - size] + ((1 << 8 * size) - 1 + key).to_bytes(size, "big")


def _write_float(key: float) -> bytes:
    if key >= 0:
        # The sign bit has to be set, also for -0.0, which is 0.0.
        return _FLOAT_UP.pack(tags.FLOAT, -abs(key))
    if key < 0:
        return _DOWN + _FLOAT_DOWN.pack(key).translate(_INVERTED)
    msg = "expected a float with an order, got NaN: use None instead"
    raise Invalid(msg)


def _write_decimal(key: Decimal) -> bytes:
    if not key.is_finite():
        msg = f"expected a finite Decimal, got {key}: use None instead"
        raise Invalid(msg)
    sign, digits, _ = key.as_tuple()
    kept = bytes(digits).rstrip(b"\0")
    if not kept:
        return _DECIMAL + _BYTE[tags.ZERO]
    size = _whole(key.adjusted()) + kept.translate(_DIGITS) + _END
    if sign:
        return _DECIMAL + _BYTE[tags.BELOW] + size.translate(_INVERTED)
    return _DECIMAL + _BYTE[tags.ABOVE] + size


def _write_datetime(key: datetime) -> bytes:
    try:
        moment = (key - EPOCH) // MICROSECOND
    except TypeError:
        msg = (
            f"expected a datetime with a time zone, got {said(key)}: "
            "write .replace(tzinfo=UTC) if it is in UTC"
        )
        raise Invalid(msg) from None
    if not _FIRST <= moment <= _LAST:
        msg = (
            f"expected a datetime whose year in UTC is 1 to 9999, got {said(key)}: use None instead"
        )
        raise Invalid(msg)
    return _MOMENT.pack(tags.DATETIME, moment + tags.SHIFT)


def _write_date(key: date) -> bytes:
    return _DATE.pack(tags.DATE, key.toordinal())


def _write_time(key: time) -> bytes:
    if key.tzinfo is not None:
        msg = (
            f"expected a time without a time zone, got {said(key)}: "
            "without a date a zone has no fixed offset; use a datetime"
        )
        raise Invalid(msg)
    seconds = (key.hour * 60 + key.minute) * 60 + key.second
    return _MOMENT.pack(tags.TIME, seconds * 1_000_000 + key.microsecond)


def _write_timedelta(key: timedelta) -> bytes:
    return _SPAN.pack(tags.TIMEDELTA, key.days + tags.DAYS_SHIFT, key.seconds, key.microseconds)


_PLAIN: Final[dict[type, Writer]] = {
    str: _write_text,
    int: _write_int,
    datetime: _write_datetime,
    bool: lambda key: _TRUE if key else _FALSE,
    float: _write_float,
    Decimal: _write_decimal,
    bytes: _write_bytes,
    date: _write_date,  # after datetime, which is a subclass
    time: _write_time,
    timedelta: _write_timedelta,
    UUID: lambda key: _UUID + key.bytes,
    type(None): lambda _: _NONE,
}

WRITERS: Final[dict[type, Writer]] = {**_PLAIN, tuple: _write_tuple}
"""The function that writes a whole key, by the key's class."""

KINDS: Final = tuple(_PLAIN)
"""The classes of plain values; a subclass is listed before its base."""
