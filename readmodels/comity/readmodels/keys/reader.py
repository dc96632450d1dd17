"""Decodes keys type by type, in the format of `tags.py`. `encoding.py` uses it.

It accepts more than the writer produces; `decode` refuses the rest by encoding the value again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from struct import Struct
from typing import TYPE_CHECKING, Final
from uuid import UUID

from comity.engine.messages.bounds import EPOCH, MICROSECOND
from comity.readmodels.keys import tags
from comity.readmodels.keys.value import Descending

if TYPE_CHECKING:
    from comity.readmodels.keys.value import KeyValue

_END, _STOP, _INVERTED = tags.END, tags.STOP, tags.INVERTED
_FLOAT: Final = Struct(">d")
_MOMENT: Final = Struct(">Q")
_DATE: Final = Struct(">I")
_SPAN: Final = Struct(">III")
_SPELT_OUT: Final = 27
"""Decimals below 10**28 are returned without an exponent: 100, not 1E+2."""

Reader = Callable[[bytes, int], "tuple[KeyValue, int]"]


def read(data: bytes) -> KeyValue:
    """The value that these bytes encode.

    Raises:
        Exception: of any class, if they are not an encoded value.
    """
    if data[0] != tags.TUPLE:
        value, end = _read(data, 0, 1)
        if end != len(data):
            msg = "there are bytes after its end"
            raise ValueError(msg)
        return value
    at = 1
    parts: list[KeyValue] = []
    while at < len(data):
        part, at = _read(data, at, 1)
        parts.append(part)
    return tuple(parts)


def _read(data: bytes, at: int, depth: int) -> tuple[KeyValue, int]:
    """The value that starts at `at`, and where the next one starts."""
    reader = _READERS.get(data[at])
    if reader:
        return reader(data, at + 1)
    if depth > tags.DEEPEST:
        msg = "it is nested too deeply"
        raise ValueError(msg)
    if data[at] == tags.FALLING:
        value, size = _read(data[at + 1 :].translate(_INVERTED), 0, depth + 1)
        return Descending(value), at + 1 + size
    if data[at] != tags.TUPLE:
        msg = f"there is no tag {data[at]:02X}"
        raise ValueError(msg)
    at += 1
    parts: list[KeyValue] = []
    while data[at]:
        part, at = _read(data, at, depth + 1)
        parts.append(part)
    return tuple(parts), at + 1


def _read_bool(data: bytes, at: int) -> tuple[bool, int]:
    return data[at] == 1, at + 1


def _read_int(data: bytes, at: int) -> tuple[int, int]:
    size = data[at] - 0x80
    start, end = at + 1, at + 1 + abs(size)
    number = int.from_bytes(data[start:end], "big")
    return (number if size >= 0 else number + 1 - (1 << -8 * size)), end


def _read_float(data: bytes, at: int) -> tuple[float, int]:
    if data[at] & 0x80:
        return -_FLOAT.unpack_from(data, at)[0], at + 8
    return _FLOAT.unpack(data[at : at + 8].translate(_INVERTED))[0], at + 8


def _read_decimal(data: bytes, at: int) -> tuple[Decimal, int]:
    sign, start = data[at], at + 1
    if sign == tags.ZERO:
        return Decimal(0), start
    if sign == tags.BELOW:
        data = data.translate(_INVERTED)
    exponent, first = _read_int(data, start)
    end = data.index(_END, first)
    digits = tuple(byte - 1 for byte in data[first:end])
    exponent -= len(digits) - 1
    if 0 < exponent <= _SPELT_OUT:
        digits, exponent = digits + (0,) * exponent, 0
    return Decimal((int(sign == tags.BELOW), digits, exponent)), end + 1


def _read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    end = data.index(_STOP, at)
    return data[at:end].replace(b"\0\xff", b"\0"), end + 2


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(_STOP, at)
    return data[at:end].replace(b"\0\xff", b"\0").decode(), end + 2


def _read_datetime(data: bytes, at: int) -> tuple[datetime, int]:
    moment = _MOMENT.unpack_from(data, at)[0] - tags.SHIFT
    return EPOCH + moment * MICROSECOND, at + 8


def _read_date(data: bytes, at: int) -> tuple[date, int]:
    return date.fromordinal(_DATE.unpack_from(data, at)[0]), at + 4


def _read_time(data: bytes, at: int) -> tuple[time, int]:
    seconds, microsecond = divmod(_MOMENT.unpack_from(data, at)[0], 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return time(hour, minute, second, microsecond), at + 8


def _read_timedelta(data: bytes, at: int) -> tuple[timedelta, int]:
    days, seconds, microseconds = _SPAN.unpack_from(data, at)
    return timedelta(days - tags.DAYS_SHIFT, seconds, microseconds), at + 12


_READERS: Final[dict[int, Reader]] = {
    tags.NONE: lambda _, at: (None, at),
    tags.BOOL: _read_bool,
    tags.INT: _read_int,
    tags.FLOAT: _read_float,
    tags.DECIMAL: _read_decimal,
    tags.TEXT: _read_text,
    tags.BYTES: _read_bytes,
    tags.DATETIME: _read_datetime,
    tags.DATE: _read_date,
    tags.TIME: _read_time,
    tags.TIMEDELTA: _read_timedelta,
    tags.UUID_: lambda data, at: (UUID(bytes=data[at : at + 16]), at + 16),
}
