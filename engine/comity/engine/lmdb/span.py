"""A stretch of a table in key order, and what stands in it. The read models ask by it."""

from __future__ import annotations

from itertools import islice, takewhile
from typing import Final, NamedTuple, TypeAlias

import lmdb

from comity.engine.lmdb.library import Handle, Transaction

Entry: TypeAlias = tuple[bytes, bytes]
"""What stands in a table: a key and a value. Under one key of an index there may be several."""


class Span(NamedTuple):
    """From `low` on, and before `high` (None: to the end)."""

    low: bytes
    high: bytes | None

    def holds(self, key: bytes) -> bool:
        """Whether the key is in it."""
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
    """Up to so many entries of the span, those after (backwards: before) a given one."""
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
    """How many entries the span has; quick for a whole table and for one key of an index."""
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
