"""A range of keys in a table, and its entries. The read models query by spans."""

from __future__ import annotations

from itertools import islice, takewhile
from typing import Final, NamedTuple, TypeAlias

import lmdb

from comity.engine.lmdb.library import Handle, Transaction

Entry: TypeAlias = tuple[bytes, bytes]
"""An entry of a table: a key and a value. A key of an index may have several entries."""


class Span(NamedTuple):
    """The keys from `low`, included, to `high`, excluded; with None to the end."""

    low: bytes
    high: bytes | None

    def holds(self, key: bytes) -> bool:
        """Return whether the key is in the span."""
        return self.low <= key and (self.high is None or key < self.high)


EVERYTHING: Final = Span(b"", None)


def entries_in(
    txn: Transaction,
    handle: Handle,
    span: Span,
    limit: int,
    *,
    after: Entry | None,
    backwards: bool,
) -> list[Entry]:
    """Read up to `limit` entries of the span, those after the entry `after` (backwards: before)."""
    cursor = txn.cursor(handle.table)
    if backwards:
        found = _seek_back(cursor, span, after, several=handle.several)
        entries = list(islice(cursor.iterprev(), limit)) if found else []
    else:
        found = _seek(cursor, span, after, several=handle.several)
        entries = list(islice(cursor.iternext(), limit)) if found else []
    if entries and not span.holds(entries[-1][0]):
        return [each for each in entries if span.holds(each[0])]
    return entries


def count_in(txn: Transaction, handle: Handle, span: Span) -> int:
    """Count the entries of the span; quick for a whole table and for one key of an index."""
    if span == EVERYTHING:
        return txn.stat(handle.table)["entries"]
    return _count(txn.cursor(handle.table), span, several=handle.several)


def _seek(cursor: lmdb.Cursor[bytes], span: Span, after: Entry | None, *, several: bool) -> bool:
    if after is None:
        return cursor.set_range(span.low) if span.low else cursor.first()
    key, value = after
    if several and cursor.set_range_dup(key, value + b"\0"):
        return True
    return cursor.set_range(key + b"\0")


def _seek_back(
    cursor: lmdb.Cursor[bytes], span: Span, before: Entry | None, *, several: bool
) -> bool:
    bound = span.high
    if before is not None:
        bound, value = before
        if several and value and cursor.set_range_dup(bound, value):
            return cursor.prev()
        if several and value and cursor.set_key(bound):
            return cursor.last_dup()
    if bound is not None and cursor.set_range(bound):
        return cursor.prev()
    return cursor.last()


def _count(cursor: lmdb.Cursor[bytes], span: Span, *, several: bool) -> int:
    if not several:
        high = span.high
        found = cursor.set_range(span.low) if span.low else cursor.first()
        keys = cursor.iternext(keys=True, values=False) if found else ()
        return sum(1 for _ in takewhile(lambda key: high is None or key < high, keys))
    if span.high == span.low + b"\0":
        return cursor.count() if cursor.set_key(span.low) else 0
    total = 0
    found = cursor.set_range(span.low) if span.low else cursor.first()
    while found and (span.high is None or cursor.key() < span.high):
        total += cursor.count()
        found = cursor.next_nodup()
    return total
