"""Compares the index of command ids with the commits, a segment at a time. `JournalCheck` uses it.

Both are read in the same order, so that only the ids of one segment are in memory, and a number for
each of the newest million.
"""

from __future__ import annotations

import struct
from array import array
from collections import deque
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from comity.engine.journal import index
from comity.engine.journal.index import SEGMENT, IdPlace
from comity.engine.lmdb.data_rows import RowReader
from comity.engine.verifying.faults import Faults

_KEEP_IDS: Final = 1_000_000
_KEEP_FOR: Final = 7 * 86_400 * 1_000_000
"""The least window of command ids, in records and microseconds; within it no id may return. A
domain can be opened with a shorter one, so what is perhaps outside is no fault."""


class _Past(NamedTuple):
    """The ids of a segment, as numbers, and the first and last time of its records."""

    segment: int
    ids: array[int]
    first: int
    last: int


class Ids:
    """What was read of the command ids so far.

    Args:
        faults: where faults are noted.
        reader: reads the table of ids.
        marker: the last commit that the stored index covers.
        lost: the commits of which something is missing.
        thinned: the commits from which records were dropped; their rows stay until all of a segment
            is deleted.
    """

    def __init__(
        self,
        faults: Faults,
        reader: RowReader,
        marker: int,
        lost: Container[int],
        thinned: Container[int] = (),
    ) -> None:
        self._faults = faults
        self._reader = reader
        self._marker, self._lost, self._thinned = marker, lost, thinned
        self._ids: dict[str, IdPlace] = {}
        self._segment = 0
        self._first = self._time = 0
        self._past: deque[_Past] = deque()
        self._seen: dict[int, int] = {}
        """The segment of each id of the window, by the number of its text."""
        self._rows = self._in_segments()
        self._next: tuple[int, dict[bytes, bytes]] | None = next(self._rows, None)
        first = None if self._next is None else min(self._next[1], default=b"")
        self._oldest = first
        """The first key that is stored: what is before it was removed, since it is old."""
        self.rows = 0
        self.may_lack = False
        """Whether it is unknown which commits the index covers."""

    def note(self, last: int, commit: int, offset: int, ids: Sequence[str], time: int) -> None:
        """Take the command ids of a turn, whose last record has this number."""
        if last // SEGMENT != self._segment:
            self._close(last // SEGMENT)
        known, before = self._ids, len(self._ids)
        place = last, commit, offset
        for each in ids:
            known[each] = place
        if not before:
            self._first = time
        elif len(known) - before != len(ids) and time - self._first < _KEEP_FOR:
            self._twice(ids[0] if len(ids) == 1 else "one of the turn's ids", commit, offset)
        self._time = time

    def finish(self) -> None:
        """Compare the last segment, and all rows that the table has after it."""
        self._close(None)
        while self._next is not None:
            self._compare(self._next[0], {})

    def _close(self, segment: int | None) -> None:
        """Compare the segments before this one; None: all that there are."""
        self._compare(self._segment, self._ids)
        self._remember()
        if segment is not None:
            self._segment, self._ids = segment, {}

    def _twice(self, what: str, commit: int, offset: int) -> None:
        said = f"the command id {what} was recorded before"
        self._faults.add("ids", said, commit=commit, offset=offset)

    # --- ids that return --------------------------------------------------------------------------

    def _remember(self) -> None:
        """Look for ids that the window has already; then add those of the segment to it."""
        past, seen = self._past, self._seen
        while past and (self._segment - past[0].segment) * SEGMENT > _KEEP_IDS:
            old = past.popleft()
            for each in old.ids:
                if seen.get(each) == old.segment:
                    del seen[each]
        numbers = {hash(each): each for each in self._ids}
        for number in numbers.keys() & seen.keys():
            earlier = next(one for one in past if one.segment == seen[number])
            if self._time - earlier.first < _KEEP_FOR:
                _, commit, offset = self._ids[numbers[number]]
                self._twice(repr(numbers[number]), commit, offset)
        seen.update(dict.fromkeys(numbers, self._segment))
        past.append(_Past(self._segment, array("q", numbers), self._first, self._time))

    # --- the stored index -------------------------------------------------------------------------

    def _in_segments(self) -> Iterator[tuple[int, dict[bytes, bytes]]]:
        """Read the table, a segment at a time."""
        rows: dict[bytes, bytes] = {}
        segment = -1
        for leaf in self._reader.rows():
            if leaf and index.segment_of(leaf[0][0]) == segment == index.segment_of(leaf[-1][0]):
                rows.update(leaf)
                continue
            for key, value in leaf:
                if index.segment_of(key) != segment:
                    if rows:
                        yield segment, rows
                    segment, rows = index.segment_of(key), {}
                rows[key] = value
        if rows:
            yield segment, rows

    def _compare(self, segment: int, ids: Mapping[str, IdPlace]) -> None:
        """Compare what the commits and the table have of a segment, and of those before it."""
        while self._next is not None and self._next[0] < segment:
            self._compare(self._next[0], {})
        stored: Mapping[bytes, bytes] = {}
        if self._next is not None and self._next[0] == segment:
            stored = self._next[1]
            self._next = next(self._rows, None)
        self.rows += len(stored)
        expected = dict(index.id_rows(ids))
        if stored != expected:
            self._differ(stored, expected)

    def _differ(self, stored: Mapping[bytes, bytes], expected: Mapping[bytes, bytes]) -> None:
        for key, value in expected.items():
            id_, (_, commit, offset) = index.id_in(key, value)
            found = stored.get(key)
            if found is not None and found[: len(value)] == value:
                continue
            if found is None and (commit > self._marker or self._may_lack(key)):
                continue
            what = "does not find" if found is None else "finds another turn for"
            said = f"the index {what} the command id {id_!r}"
            self._faults.add("ids", said, commit=commit, offset=offset)
        for key in stored.keys() - expected.keys():
            self._check_more(key, stored[key])

    def _may_lack(self, key: bytes) -> bool:
        """Whether the table may lack a row: pages were told already, or the row was too old."""
        told = self.may_lack or self._reader.faults > 0
        return told or (self._oldest is not None and key < self._oldest)

    def _check_more(self, key: bytes, value: bytes) -> None:
        with suppress(ValueError, struct.error):
            id_, (_, commit, offset) = index.id_in(key, value)
            if commit not in self._lost and commit not in self._thinned:
                said = f"the index finds the command id {id_!r}, which is not recorded there"
                self._faults.add("ids", said, commit=commit, offset=offset)
            return
        self._faults.add("ids", f"the row {key!r} is not one of a command id")
