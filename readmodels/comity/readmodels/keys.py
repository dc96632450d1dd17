"""Keys as bytes that sort as the keys do in Python. Tables, indexes and figures are kept by them.

Each value is a tag, which says its kind, and bytes of which none begins another's. So the bytes of
a tuple are those of its values one after the other, and all bytes inverted give the reverse order.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import total_ordering
from math import isnan
from struct import Struct
from typing import Any, Final, Generic, TypeVar, cast
from uuid import UUID

from comity.engine.bounds import EPOCH, MICROSECOND
from comity.engine.errors import Invalid

K = TypeVar("K")

MAX_KEY: Final = 500
"""Bytes; LMDB takes 511."""

_NONE, _BOOL, _INT, _FLOAT, _DECIMAL, _TEXT, _BYTES = (bytes([tag]) for tag in range(2, 9))
_DATETIME, _DATE, _TIME, _TIMEDELTA, _UUID, _FALLING, _TUPLE = (
    bytes([tag]) for tag in range(9, 16)
)
_END: Final = b"\x00"
"""Ends a tuple inside of a tuple; less than every tag."""
_STOP: Final = b"\x00\x01"
"""Ends text and bytes, in which a zero is written as 00 FF."""
_SHIFT: Final = 1 << 63
_LONGEST_INT: Final = 100
_DEEPEST: Final = 16
_FLOAT_BITS: Final = Struct(">d")
_WORD: Final = Struct(">Q")
_INVERTED: Final = bytes(range(255, -1, -1))

_DAY: Final = datetime(1, 1, 1)  # noqa: DTZ001 - only to add a time of day to


@total_ordering
class Descending(Generic[K]):
    """A value that sorts the other way round: `descending(row.updated)` puts the newest first."""

    __slots__ = ("value",)

    def __init__(self, value: K) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(
            self.value == cast("Descending[object]", other).value
        )

    def __lt__(self, other: Descending[K]) -> bool:
        return bool(cast("Any", other.value) < cast("Any", self.value))

    def __hash__(self) -> int:
        return hash((Descending, self.value))

    def __repr__(self) -> str:
        return f"descending({self.value!r})"


def descending(value: K) -> Descending[K]:
    """The value, sorting the other way round, in a key or as a part of one."""
    return Descending(value)


def encode(key: object) -> bytes:
    """The key as bytes that sort as it does.

    Raises:
        Invalid: it is too long, or of a type that keys cannot have.
    """
    data = _write_tuple(key) if type(key) is tuple else _write(key)
    if len(data) > MAX_KEY:
        msg = (
            f"a key takes at most {MAX_KEY} bytes, and this one takes {len(data)}: "
            f"{key!r:.80}...; index the beginning of it, or a hash"
        )
        raise Invalid(msg)
    return data


def prefix(*parts: object) -> bytes:
    """What the keys of all tuples begin with that begin with these values."""
    return _write_tuple(parts)


def text_prefix(start: str) -> bytes:
    """What the keys of all texts begin with that begin with this one."""
    return _write(start)[: -len(_STOP)]


def after(data: bytes) -> bytes | None:
    """The least bytes that are greater than all which begin with these; None: there are none."""
    rest = data.rstrip(b"\xff")
    return rest[:-1] + bytes([rest[-1] + 1]) if rest else None


def decode(data: bytes) -> object:
    """The key again; an Enum as its value.

    Raises:
        Invalid: the bytes are no key.
    """
    try:
        if data[:1] == _TUPLE:
            return tuple(_read_all(data, 1))
        key, end = _read(data, 0, 0)
    except (ValueError, IndexError, OverflowError, ArithmeticError, RecursionError) as error:
        msg = f"{data[:40]!r} is no key: {error}"
        raise Invalid(msg) from None
    if end != len(data):
        msg = f"{data[:40]!r} is no key: it goes on after its end"
        raise Invalid(msg)
    return key


def alike(one: object, other: object) -> bool:
    """Whether two keys are written alike. Equality is not enough: 1 is True, and is 1.0."""
    if one != other:
        return False
    kind = type(one)
    if kind is tuple:
        pairs = zip(cast("Any", one), cast("Any", other), strict=True)
        return all(a is b or alike(a, b) for a, b in pairs)
    if kind is Descending:
        return alike(cast("Any", one).value, cast("Any", other).value)
    return kind is type(other)


# --- writing --------------------------------------------------------------------------------------


def _write(key: object) -> bytes:
    writer = _WRITERS.get(type(key))
    return writer(key) if writer else _write_other(key)


def _write_tuple(parts: Any) -> bytes:  # noqa: ANN401 - a cast would cost 0.1 µs
    return _TUPLE + b"".join([_write(part) for part in parts])


def _write_other(key: object) -> bytes:
    if isinstance(key, Enum):
        return _write(key.value)
    for kind, writer in _WRITERS.items():  # a subclass, such as a NamedTuple
        if isinstance(key, kind):
            return writer(key)
    msg = (
        f"{type(key).__name__} cannot be a key: expected str, int, float, bool, datetime, date, "
        f"time, timedelta, UUID, Enum, Decimal, bytes or a tuple of these, got {key!r:.80}"
    )
    raise Invalid(msg)


def _write_text(key: str) -> bytes:
    try:
        data = key.encode()
    except UnicodeEncodeError:
        msg = f"{key!r:.80} is no valid text: it holds half of a surrogate pair"
        raise Invalid(msg) from None
    return _TEXT + (data.replace(b"\0", b"\0\xff") if b"\0" in data else data) + _STOP


def _write_int(key: int) -> bytes:
    return _INT + _whole(key)


def _whole(key: int) -> bytes:
    """Its length, then its bytes; of a negative one both count down."""
    size = (key.bit_length() + 7) >> 3
    if size > _LONGEST_INT:
        msg = f"an int in a key takes at most {_LONGEST_INT} bytes, and this one takes {size}"
        raise Invalid(msg)
    if key >= 0:
        return bytes([0x80 + size]) + key.to_bytes(size, "big")
    return bytes([0x80 - size]) + ((1 << 8 * size) - 1 + key).to_bytes(size, "big")


def _write_float(key: float) -> bytes:
    if isnan(key):
        msg = "NaN has no place in an order: leave the row out of the index (None)"
        raise Invalid(msg)
    bits = _FLOAT_BITS.pack(key + 0.0)  # -0.0 is 0.0
    if bits[0] & 0x80:
        return _FLOAT + bits.translate(_INVERTED)
    return _FLOAT + bytes([bits[0] | 0x80]) + bits[1:]


def _write_decimal(key: Decimal) -> bytes:
    if not key.is_finite():
        msg = f"{key} has no place among the Decimals of a key: leave the row out (None)"
        raise Invalid(msg)
    sign, digits, _ = key.as_tuple()
    kept = "".join(map(str, digits)).strip("0")
    if not kept:
        return _DECIMAL + b"\x80"
    size = _whole(key.adjusted()) + bytes(int(digit) + 1 for digit in kept) + _END
    return _DECIMAL + (b"\x40" + size.translate(_INVERTED) if sign else b"\xc0" + size)


def _write_datetime(key: datetime) -> bytes:
    if key.tzinfo is None:
        msg = f"{key!r} is no moment without a time zone: write key.replace(tzinfo=UTC), say"
        raise Invalid(msg)
    return _DATETIME + _WORD.pack((key - EPOCH) // MICROSECOND + _SHIFT)


def _write_time(key: time) -> bytes:
    if key.tzinfo is not None:
        msg = f"{key!r} has a time zone: a time of day in a key has none"
        raise Invalid(msg)
    return _TIME + _WORD.pack((datetime.combine(_DAY, key) - _DAY) // MICROSECOND)


_WRITERS: Final[dict[type, Callable[[Any], bytes]]] = {
    str: _write_text,
    bool: lambda key: _BOOL + (b"\x01" if key else b"\x00"),
    int: _write_int,
    float: _write_float,
    Decimal: _write_decimal,
    bytes: lambda key: _BYTES + key.replace(b"\0", b"\0\xff") + _STOP,
    datetime: _write_datetime,
    date: lambda key: _DATE + key.toordinal().to_bytes(4, "big"),
    time: _write_time,
    timedelta: lambda key: _TIMEDELTA + _WORD.pack(key // MICROSECOND + _SHIFT),
    UUID: lambda key: _UUID + key.bytes,
    Descending: lambda key: _FALLING + _write(key.value).translate(_INVERTED),
    tuple: lambda key: _write_tuple(key) + _END,
    type(None): lambda _: _NONE,
}


# --- reading --------------------------------------------------------------------------------------


def _read_all(data: bytes, at: int) -> list[object]:
    parts: list[object] = []
    while at < len(data):
        part, at = _read(data, at, 1)
        parts.append(part)
    return parts


def _read(data: bytes, at: int, depth: int) -> tuple[object, int]:
    """The value that begins here, and where the next one does."""
    if depth > _DEEPEST:
        msg = "it is nested too deeply"
        raise ValueError(msg)
    tag, at = data[at : at + 1], at + 1
    if tag == _FALLING:
        value, size = _read(data[at:].translate(_INVERTED), 0, depth + 1)
        return Descending(value), at + size
    if tag == _TUPLE:
        parts: list[object] = []
        while data[at : at + 1] != _END:
            part, at = _read(data, at, depth + 1)
            parts.append(part)
        return tuple(parts), at + 1
    reader = _READERS.get(tag)
    if reader is None:
        msg = f"there is no tag {tag!r}"
        raise ValueError(msg)
    return reader(data, at)


def _read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    end = at
    while True:
        end = data.index(b"\0", end)
        if data[end + 1] == 0x01:
            return data[at:end].replace(b"\0\xff", b"\0"), end + 2
        if data[end + 1] != 0xFF:  # noqa: PLR2004 - see _STOP
            msg = "a zero stands alone"
            raise ValueError(msg)
        end += 2


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    found, end = _read_bytes(data, at)
    return found.decode(), end


def _read_whole(data: bytes, at: int) -> tuple[int, int]:
    size = data[at] - 0x80
    end = at + 1 + abs(size)
    number = int.from_bytes(_cut(data, at + 1, abs(size)), "big")
    return (number if size >= 0 else number + 1 - (1 << -8 * size)), end


def _read_float(data: bytes, at: int) -> tuple[float, int]:
    bits = _cut(data, at, 8)
    plain = bytes([bits[0] & 0x7F]) + bits[1:] if bits[0] & 0x80 else bits.translate(_INVERTED)
    return _FLOAT_BITS.unpack(plain)[0], at + 8


def _read_decimal(data: bytes, at: int) -> tuple[Decimal, int]:
    sign = data[at]
    if sign == 0x80:  # noqa: PLR2004 - see _write_decimal
        return Decimal(0), at + 1
    rest = data[at + 1 :]
    if sign == 0x40:  # noqa: PLR2004 - the same
        rest = rest.translate(_INVERTED)
    adjusted, start = _read_whole(rest, 0)
    end = rest.index(_END, start)
    digits = tuple(digit - 1 for digit in rest[start:end])
    value = Decimal((int(sign == 0x40), digits, adjusted - len(digits) + 1))  # noqa: PLR2004
    return value, at + 1 + end + 1


def _read_word(data: bytes, at: int) -> int:
    return cast("int", _WORD.unpack(_cut(data, at, 8))[0])


def _cut(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        msg = "it is cut short"
        raise ValueError(msg)
    return data[at : at + size]


def _moment(data: bytes, at: int) -> tuple[datetime, int]:
    return EPOCH + timedelta(microseconds=_read_word(data, at) - _SHIFT), at + 8


def _time_of_day(data: bytes, at: int) -> tuple[time, int]:
    return (_DAY + timedelta(microseconds=_read_word(data, at))).time(), at + 8


_READERS: Final[dict[bytes, Callable[[bytes, int], tuple[object, int]]]] = {
    _NONE: lambda _, at: (None, at),
    _BOOL: lambda data, at: (data[at] == 1, at + 1),
    _INT: _read_whole,
    _FLOAT: _read_float,
    _DECIMAL: _read_decimal,
    _TEXT: _read_text,
    _BYTES: _read_bytes,
    _DATETIME: _moment,
    _DATE: lambda data, at: (date.fromordinal(int.from_bytes(_cut(data, at, 4), "big")), at + 4),
    _TIME: _time_of_day,
    _TIMEDELTA: lambda data, at: (timedelta(microseconds=_read_word(data, at) - _SHIFT), at + 8),
    _UUID: lambda data, at: (UUID(bytes=_cut(data, at, 16)), at + 16),
}
