"""The write transaction of a model's tables: all of its changes are stored, or none.

Each value gets a checksum of the value and its key. `Environment.writing` translates LMDB's errors.
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
    """A write transaction. Reading in it shows its own changes."""

    __slots__ = ()

    def put_all(self, handle: Handle, entries: Sequence[Entry]) -> None:
        """Set many values, sorted by key, in one call: each call gives up the GIL and waits."""
        if entries:
            self._open().cursor(handle.table).putmulti(_sealed(entries))

    def put(self, handle: Handle, key: bytes, value: bytes) -> None:
        """Set the value of a key."""
        self._open().put(key, seal(key, value), db=handle.table)

    def add_last(self, handle: Handle, entries: Sequence[Entry]) -> bool:
        """Add entries after all others; False if one would not come last."""
        cursor = self._open().cursor(handle.table)
        return not entries or cursor.putmulti(_sealed(entries), append=True)[1] == len(entries)

    def delete(self, handle: Handle, key: bytes, value: bytes = b"") -> None:
        """Delete a key; in an index, with `value`, one of its entries."""
        self._open().delete(key, seal(key, value) if value else b"", handle.table)

    def clear(self, handle: Handle) -> None:
        """Delete everything in a table."""
        self._open().drop(handle.table, delete=False)

    def commit(self) -> None:
        """Store the changes, which are then the newest state."""
        txn, self._txn = self._open(), None
        txn.commit()

    def abort(self) -> None:
        """Discard the changes."""
        txn, self._txn = self._txn, None
        if txn is not None:
            with suppress(LmdbError):  # after MapFull there is nothing left to abort
                txn.abort()


def _sealed(entries: Sequence[Entry]) -> list[Entry]:
    # As `seal` does, at half its time.
    return [(key, value + _pack_crc(crc32(value, crc32(key)))) for key, value in entries]
