"""The encoding of each type of value in a key. The writer and the reader of keys use it.

A value is a tag and a body. No encoded value is a prefix of another one. So the values of a tuple
simply follow each other, and a descending value is the inverted encoding of the value.

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
"""Ends a nested tuple: less than every tag, so that the shorter tuple sorts first."""

STOP: Final = b"\x00\x01"
"""Ends text and bytes: less than any continuation, even an escaped zero."""

INVERTED: Final = bytes(range(255, -1, -1))
"""A table for `translate` that inverts every byte, which reverses the order."""

BELOW, ZERO, ABOVE = 0x40, 0x80, 0xC0
"""The sign of a Decimal."""

SHIFT: Final = 1 << 63
"""Added to a datetime's microseconds, which are negative before 1970."""

DAYS_SHIFT: Final = 1 << 31
"""Added to the days of a timedelta, which are -999,999,999 to 999,999,999."""

LONGEST_INT: Final = 100
"""The most bytes of an int; its signed length must fit one byte."""

DEEPEST: Final = 16
"""How deep tuples and descending values may be nested."""
