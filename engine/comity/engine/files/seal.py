"""A stored value with a checksum of its key and value. The journal and read models use it."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Final
from zlib import crc32

from comity.engine.errors import JournalDamaged

CRC_BYTES: Final = 4
SOUND: Final = 0x2144DF1C
"""The CRC32 of any data that is followed by its own CRC32, low byte first. Comparing with it checks
a value without splitting it: 0.2 µs for 100 bytes."""


def seal(key: bytes, value: bytes) -> bytes:
    """The value, followed by the CRC32 of key and value, so that a swapped key is noticed too."""
    return value + crc32(value, crc32(key)).to_bytes(CRC_BYTES, "little")


def sealed_rows(rows: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The rows with sealed values, sorted by key: `seal` for many, without a call for each."""
    sealed = [
        (key, value + crc32(value, crc32(key)).to_bytes(CRC_BYTES, "little")) for key, value in rows
    ]
    sealed.sort(key=itemgetter(0))  # half the time of comparing whole rows
    return sealed


def is_sealed(key: bytes | memoryview, sealed: bytes | memoryview) -> bool:
    """Whether `seal` made this value under this key."""
    return crc32(sealed, crc32(key)) == SOUND and len(sealed) >= CRC_BYTES


def unseal(key: bytes, sealed: bytes | memoryview, what: str) -> bytes:
    """A copy of the value that was sealed under this key.

    Raises:
        JournalDamaged: the checksum is wrong; `what` names the value in the error.
    """
    if not is_sealed(key, sealed):
        raise JournalDamaged(f"{what}, under the key {key!r}, is not what was written")
    return bytes(sealed[:-CRC_BYTES])
