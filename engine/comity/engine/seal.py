"""A small stored value with its checksum, which covers its key too. The LMDB journal uses it."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from comity.engine.errors import JournalDamaged

CRC_BYTES: Final = 4


def seal(key: bytes, value: bytes) -> bytes:
    """The value behind its CRC32. A value that ends up under another key is noticed as well."""
    return crc32(value, crc32(key)).to_bytes(CRC_BYTES) + value


def unseal(key: bytes, sealed: bytes | memoryview, what: str) -> bytes:
    """The value that was sealed under this key, as a copy.

    Raises:
        JournalDamaged: it is not what was sealed; `what` says in the error what it is.
    """
    value = bytes(sealed[CRC_BYTES:])
    if len(sealed) < CRC_BYTES or seal(key, value)[:CRC_BYTES] != sealed[:CRC_BYTES]:
        raise JournalDamaged(f"{what}, under the key {key!r}, is not what was written")
    return value
