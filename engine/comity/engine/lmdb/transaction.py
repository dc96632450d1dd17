"""The journal's transactions, which give values as views, without a copy.

The journal's store begins and ends them in one `with` block on one thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

import lmdb

from comity.engine.errors import StorageFailed
from comity.engine.lmdb.library import Handle


class Reading:
    """A read transaction: one state of all tables, even if others commit meanwhile."""

    def __init__(self, txn: lmdb.Transaction[memoryview], handles: Mapping[str, Handle]) -> None:
        self._txn = txn
        self._handles = handles

    @property
    def sees(self) -> int:
        """The number of the newest transaction that it sees."""
        return self._txn.id()

    def get(self, table: str, key: bytes) -> memoryview | None:
        """Return the value of a key, or None; valid inside the transaction only."""
        return self._txn.get(key, db=self._handles[table].table)

    def rows(self, table: str, start: bytes = b"") -> Iterator[tuple[bytes, memoryview]]:
        """Read the rows from this key on, in order; values are valid inside the transaction."""
        cursor = self._cursor(table)
        found = cursor.set_range(start) if start else cursor.first()
        while found:
            yield bytes(cursor.key()), cursor.value()
            found = cursor.next()

    def names(self) -> set[str]:
        """Return the names of all tables of the file, also of those that are not open."""
        names = self._txn.cursor().iternext(values=False)
        return {bytes(name).decode(errors="replace") for name in names}

    def count(self, tables: Iterable[str]) -> int:
        """Return how many rows the tables have together; it reads none of them."""
        return sum(self._txn.stat(self._handles[table].table)["entries"] for table in tables)

    def last_key(self, table: str) -> bytes:
        """Return the last key of a table; empty without rows."""
        cursor = self._cursor(table)
        return bytes(cursor.key()) if cursor.last() else b""

    def around(self, table: str, key: bytes) -> list[tuple[bytes, memoryview]]:
        """Return the row before this key, and the row at or after it, if they exist."""
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
    """The write transaction: it is stored completely, or not at all."""

    @property
    def number(self) -> int:
        """Its own number, if it changes anything."""
        return self._txn.id()

    @property
    def sees(self) -> int:
        """The number of the transaction before it, of any process."""
        return self._txn.id() - 1

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Set the value of a key."""
        if not self._txn.put(key, value, db=self._handles[table].table):
            raise _refused(table)

    def put_last(self, table: str, key: bytes, value: bytes) -> None:
        """Add a row after all others.

        Raises:
            StorageFailed: the key is not larger than all others.
        """
        if not self._txn.put(key, value, append=True, db=self._handles[table].table):
            raise _refused(table)

    def put_all(self, table: str, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Set many values; rows are sorted by key. One call, because each call releases the GIL."""
        if self._cursor(table).putmulti(rows) != (len(rows), len(rows)):
            raise _refused(table)

    def append_all(self, table: str, rows: Sequence[tuple[bytes, bytes | memoryview]]) -> None:
        """Add many rows after all others, in order; this fills pages completely.

        Raises:
            StorageFailed: a key is not larger than those before.
        """
        if self._cursor(table).putmulti(rows, append=True) != (len(rows), len(rows)):
            raise _refused(table)

    def delete(self, table: str, start: bytes, limit: int) -> int:
        """Delete at most `limit` rows whose keys begin with `start`; return how many."""
        cursor = self._cursor(table)
        deleted = 0
        found = cursor.set_range(start)
        while found and deleted < limit and bytes(cursor.key()).startswith(start):
            found = cursor.delete() and bool(cursor.key())
            deleted += 1
        return deleted

    def touch(self) -> None:
        """Change nothing that is read, so that the commit writes a new state all the same."""
        self._txn.put(b"~touched", b"")  # beside the tables' names
        self._txn.delete(b"~touched")

    def commit(self) -> None:
        """Store all changes and flush them to the disk."""
        self._txn.commit()

    def abort(self) -> None:
        """Discard all changes."""
        with suppress(lmdb.Error):  # after MapFull or Panic it has already ended
            self._txn.abort()


def _refused(table: str) -> StorageFailed:
    # For some refused puts LMDB returns False and raises nothing.
    return StorageFailed(f"LMDB refused a row of {table}: it is not in order")
