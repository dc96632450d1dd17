"""Transactions that give their values as views, without a copy: those of the journal.

They are begun and ended by its store, in one `with` block on one thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import lmdb

from comity.engine.errors import StorageFailed
from comity.engine.lmdb.library import Handle


class Reading:
    """A read transaction: one state of all tables, whatever is committed meanwhile."""

    def __init__(self, txn: lmdb.Transaction[memoryview], handles: Mapping[str, Handle]) -> None:
        self._txn = txn
        self._handles = handles

    def get(self, table: str, key: bytes) -> memoryview | None:
        """The value under a key; valid inside the transaction only."""
        return self._txn.get(key, db=self._handles[table].table)

    def rows(self, table: str, start: bytes = b"") -> Iterator[tuple[bytes, memoryview]]:
        """The rows from this key on, in order; valid inside the transaction only."""
        cursor = self._cursor(table)
        found = cursor.set_range(start) if start else cursor.first()
        while found:
            yield bytes(cursor.key()), cursor.value()
            found = cursor.next()

    def around(self, table: str, key: bytes) -> list[tuple[bytes, memoryview]]:
        """The row before this key and the one at or after it, as far as they exist."""
        cursor = self._cursor(table)
        found: list[tuple[bytes, memoryview]] = []
        if cursor.set_range(key):
            found.append((bytes(cursor.key()), cursor.value()))
            before = cursor.prev()
        else:
            before = cursor.last()
        if before:
            found.insert(0, (bytes(cursor.key()), cursor.value()))
        return found

    def _cursor(self, table: str) -> lmdb.Cursor[memoryview]:
        return self._txn.cursor(self._handles[table].table)


class Writing(Reading):
    """The write transaction: everything in it comes about, or nothing does."""

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Set the value under a key."""
        if not self._txn.put(key, value, db=self._handles[table].table):
            raise _refused(table)

    def put_last(self, table: str, key: bytes, value: bytes) -> None:
        """Add a row behind all others; one that would not be the last is refused."""
        if not self._txn.put(key, value, append=True, db=self._handles[table].table):
            raise _refused(table)

    def put_all(self, table: str, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Set many values, sorted by key. One call, since each gives the GIL away and waits."""
        if self._cursor(table).putmulti(rows) != (len(rows), len(rows)):
            raise _refused(table)

    def delete(self, table: str, start: bytes, limit: int) -> int:
        """Delete the rows whose keys begin with `start`, at most so many; how many it were."""
        cursor = self._cursor(table)
        deleted = 0
        found = cursor.set_range(start)
        while found and deleted < limit and bytes(cursor.key()).startswith(start):
            found = cursor.delete() and bool(cursor.key())
            deleted += 1
        return deleted

    def commit(self) -> None:
        """Flush and make durable what was put."""
        self._txn.commit()

    def abort(self) -> None:
        """Forget what was put."""
        with suppress(lmdb.Error):  # after MapFull or Panic there is nothing left to abort
            self._txn.abort()


def _refused(table: str) -> StorageFailed:
    # LMDB refuses some puts with False, and no exception.
    return StorageFailed(f"LMDB refused a row of {table}: it is not in order")
