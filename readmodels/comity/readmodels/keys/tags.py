"""How each kind of value stands in a key's bytes. The writer and the reader of keys use it.

A value is a tag and a body. No value's bytes begin another's, so that the values of a tuple stand
one after the other, and the bytes of a descending value are those of the value, inverted.

    02  None       nothing
    03  bool       00 or 01
    04  int        80 + size, and size bytes; below zero: 80 - size, and the bytes count down
    05  float      IEEE 754 with the sign inverted; below zero: all of it inverted
    06  Decimal    80 for zero; C0, exponent as an int, digits + 1, 00; below zero: 40, inverted
    07  str        UTF-8, with 00 as 00 FF; then 00 01
    08  bytes      the same
    09  datetime   microseconds since 1970 in UTC, + 2**63, in 8 bytes
    0A  date       ordinal, in 4 bytes
    0B  time       microseconds since midnight, in 8 bytes
    0C  timedelta  days + 2**31, seconds, microseconds, in 4 bytes each
    0D  UUID       its 16 bytes
    0E  descending the value, inverted
    0F  tuple      the values; then 00, but not where the tuple is the whole key
"""

from __future__ import annotations

from typing import Final

(
    NONE,
    BOOL,
    INT,
    FLOAT,
    DECIMAL,
    TEXT,
    BYTES,
    DATETIME,
    DATE,
    TIME,
    TIMEDELTA,
    UUID_,
    FALLING,
    TUPLE,
) = range(2, 16)

END: Final = b"\x00"
"""Ends a tuple inside of a tuple: less than every tag, so that the shorter one comes first."""

STOP: Final = b"\x00\x01"
"""Ends text and bytes: less than what goes on, be it with an escaped zero."""

INVERTED: Final = bytes(range(255, -1, -1))
"""For `translate`: every byte becomes its complement, so that the order is reversed."""

BELOW, ZERO, ABOVE = 0x40, 0x80, 0xC0
"""The sign of a Decimal."""

SHIFT: Final = 1 << 63
"""Added to a moment, which may lie before 1970."""

DAYS_SHIFT: Final = 1 << 31
"""Added to the days of a timedelta, of which there are at most 999,999,999 either way."""

LONGEST_INT: Final = 100
"""Bytes of an int; its length has to fit one byte, either way."""

DEEPEST: Final = 16
"""How deep tuples and descending values may stand in each other."""
