"""The write transaction of a model's tables: everything in it comes about, or nothing does.

Each value gets a checksum of it and its key here. LMDB's errors are told by who has begun it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from zlib import crc32

from comity.engine.files.seal import seal
from comity.engine.lmdb.library import Handle, LmdbError
from comity.engine.lmdb.span import Entry
from comity.readmodels.storage.reading import Reading

_pack_crc = struct.Struct("<I").pack


class Writing(Reading):
    """What is read in it is what it has put so far."""

    __slots__ = ()

    def put_all(self, handle: Handle, entries: Sequence[Entry]) -> None:
        """Set many values, sorted by key. One call, since each gives the GIL away and waits."""
        if entries:
            self._open().cursor(handle.table).putmulti(_sealed(entries))

    def put(self, handle: Handle, key: bytes, value: bytes) -> None:
        """Set the value under a key."""
        self._open().put(key, seal(key, value), db=handle.table)

    def add_last(self, handle: Handle, entries: Sequence[Entry]) -> bool:
        """Add entries behind all others; False where one would not come last."""
        cursor = self._open().cursor(handle.table)
        return not entries or cursor.putmulti(_sealed(entries), append=True)[1] == len(entries)

    def delete(self, handle: Handle, key: bytes, value: bytes = b"") -> None:
        """Delete a key, or of an index one of its entries."""
        self._open().delete(key, seal(key, value) if value else b"", handle.table)

    def clear(self, handle: Handle) -> None:
        """Delete everything in a table."""
        self._open().drop(handle.table, delete=False)

    def commit(self) -> None:
        """Make what was put the newest state."""
        txn, self._txn = self._open(), None
        txn.commit()

    def abort(self) -> None:
        """Forget what was put."""
        txn, self._txn = self._txn, None
        if txn is not None:
            with suppress(LmdbError):  # after MapFull there is nothing left to abort
                txn.abort()


def _sealed(entries: Sequence[Entry]) -> list[Entry]:
    # As `seal` does, at half its time.
    return [(key, value + _pack_crc(crc32(value, crc32(key)))) for key, value in entries]
