"""Keys as bytes that sort as the keys do in Python. Tables, indexes and figures are kept by them.

LMDB compares bytes from the left, and so does all that is said of order here.
"""

from __future__ import annotations

from typing import Final

from comity.engine.errors import Invalid
from comity.readmodels.keys import tags
from comity.readmodels.keys.family import alike, family
from comity.readmodels.keys.reader import read
from comity.readmodels.keys.value import Descending, KeyValue, descending
from comity.readmodels.keys.writer import WRITERS, said, write_whole

__all__ = [
    "MAX_KEY",
    "Descending",
    "KeyValue",
    "after",
    "alike",
    "decode",
    "descending",
    "encode",
    "family",
    "prefix",
    "text_prefix",
]

MAX_KEY: Final = 500
"""Bytes; LMDB takes 511."""


def encode(key: object) -> bytes:
    """The key as bytes that sort as it does, among keys of the same types.

    Values that are equal in Python have equal bytes, so datetimes are sorted by the moment that
    they mean, and an Enum counts as its value.

    Raises:
        Invalid: it is no `KeyValue`, has no place in an order, or takes more than `MAX_KEY` bytes.
    """
    writer = WRITERS.get(type(key))
    data = writer(key) if writer else write_whole(key)
    if len(data) > MAX_KEY:
        msg = (
            f"expected a key of at most {MAX_KEY} bytes, got {len(data):,} of {said(key)}: "
            "use the beginning of it, or a hash"
        )
        raise Invalid(msg)
    return data


def decode(data: bytes) -> KeyValue:
    """The key again: an Enum as its value, a datetime in UTC.

    Raises:
        Invalid: these are not the bytes of a key.
    """
    if len(data) > MAX_KEY:
        msg = f"expected at most {MAX_KEY} bytes of a key, got {len(data):,}: they are none"
        raise Invalid(msg)
    try:
        key = read(data)
        if encode(key) == data:  # so that no two byte strings are the same key
            return key
        reason = f"{said(key)} is written in another way"
    except Exception as error:  # bytes that no key made may do anything to those who read them
        reason = f"{type(error).__name__} {error}"
    msg = f"expected the bytes of a key, got {data[:40]!r} ({reason:.200}): build the table anew"
    raise Invalid(msg)


def prefix(*parts: object) -> bytes:
    """What the keys of all tuples begin with that begin with these values, and no other keys.

    Raises:
        Invalid: as `encode`.
    """
    return encode(parts)  # a tuple that is the whole key has no end


def text_prefix(start: str) -> bytes:
    """What the keys of all texts begin with that begin with this one, and no other keys.

    It may follow a `prefix`, where a tuple's next value is text.

    Raises:
        Invalid: as `encode`.
    """
    data = encode(start)
    if data[0] != tags.TEXT:
        msg = f"expected the beginning of a text, got {said(start)}: ask for that key, or a range"
        raise Invalid(msg)
    return data[: -len(tags.STOP)]


def after(data: bytes) -> bytes | None:
    """The least bytes that are greater than all which begin with these; None: there are none."""
    rest = data.rstrip(b"\xff")
    return rest[:-1] + bytes([rest[-1] + 1]) if rest else None
