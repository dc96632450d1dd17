"""Encodes keys as bytes that sort like the keys in Python. Tables, indexes and figures use it.

LMDB compares bytes from the left; every order mentioned here is this one.
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
"""The most bytes of an encoded key; LMDB's own limit is 511."""


def encode(key: object) -> bytes:
    """Encode a key as bytes that sort like the key, among keys of the same types.

    Values that are equal in Python give equal bytes: datetimes sort as moments in UTC, and an Enum
    is encoded as its value.

    Raises:
        Invalid: it is not a `KeyValue`, has no order (NaN), or takes more than `MAX_KEY` bytes.
    """
    writer = WRITERS.get(type(key))
    data = writer(key) if writer else write_whole(key)
    if len(data) > MAX_KEY:
        msg = (
            f"expected a key of at most {MAX_KEY} bytes, got {len(data):,} of {said(key)}: "
            "use its beginning, or a hash of it"
        )
        raise Invalid(msg)
    return data


def decode(data: bytes) -> KeyValue:
    """Decode a key; an Enum is returned as its value, a datetime in UTC.

    Raises:
        Invalid: the bytes are not an encoded key.
    """
    if len(data) > MAX_KEY:
        msg = f"expected at most {MAX_KEY} bytes of an encoded key, got {len(data):,}"
        raise Invalid(msg)
    try:
        key = read(data)
        if encode(key) == data:  # each key has only one encoding
            return key
        reason = f"{said(key)} has another encoding"
    except Exception as error:  # foreign bytes may raise anything
        reason = f"{type(error).__name__} {error}"
    msg = f"expected the bytes of a key, got {data[:40]!r} ({reason:.200}): rebuild the table"
    raise Invalid(msg)


def prefix(*parts: object) -> bytes:
    """The bytes with which exactly the keys of those tuples start that start with these values.

    Raises:
        Invalid: as `encode`.
    """
    return encode(parts)  # a tuple that is the whole key has no end mark


def text_prefix(start: str) -> bytes:
    """The bytes with which exactly the keys of those texts start that start with this text.

    They may follow a `prefix` if the tuple's next value is text.

    Raises:
        Invalid: as `encode`.
    """
    data = encode(start)
    if data[0] != tags.TEXT:
        msg = f"expected the start of a text, got {said(start)}: use the whole key or a range"
        raise Invalid(msg)
    return data[: -len(tags.STOP)]


def after(data: bytes) -> bytes | None:
    """The least bytes that are greater than all bytes with this prefix; None if there are none."""
    rest = data.rstrip(b"\xff")
    return rest[:-1] + bytes([rest[-1] + 1]) if rest else None
