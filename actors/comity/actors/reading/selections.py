"""The watched selections of one table or index, found by the keys of a changed row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING

from comity.actors.reading.changes import Changes
from comity.readmodels.keys.encoding import after
from comity.readmodels.tables.any_table import AnyIndex

if TYPE_CHECKING:
    from comity.engine.lmdb.span import Span
    from comity.readmodels.tables.question import Source
    from comity.readmodels.tables.row_change import RowChange


class Selections:
    """Finds the selections that hold a row, without looking at all of them.

    A selection of one key is found by this key. All keys of another selection begin with the same
    bytes, so it is found by these: with 1,000 boards watched by their prefixes, a changed card
    leads to its own board. Selections of equal spans are one.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._of_one_key: dict[bytes, Changes] = {}
        self._ranges: dict[int, dict[bytes, dict[Span, Changes]]] = {}
        """By the number of bytes that all keys of the span begin with, and by these bytes."""

    def __iter__(self) -> Iterator[Changes]:
        yield from self._of_one_key.values()
        for by_start in self._ranges.values():
            for ranges in by_start.values():
                yield from ranges.values()

    def of(self, span: Span) -> Changes:
        """The changes of the selection with this span; new if nobody watches it."""
        if (key := _single_key(span)) is not None:
            return self._of_one_key.setdefault(key, Changes())
        start = common_start(span)
        by_start = self._ranges.setdefault(len(start), {})
        return by_start.setdefault(start, {}).setdefault(span, Changes())

    def forget(self, span: Span) -> None:
        """Remove a selection that nobody watches any more."""
        if (key := _single_key(span)) is not None:
            self._of_one_key.pop(key, None)
            return
        start = common_start(span)
        by_start = self._ranges.get(len(start), {})
        ranges = by_start.get(start, {})
        ranges.pop(span, None)
        if not ranges:
            by_start.pop(start, None)
        if not by_start:
            self._ranges.pop(len(start), None)

    def concerned(self, change: RowChange) -> tuple[set[Changes], set[Changes]]:
        """The selections that hold the changed row now, and those that only held it before."""
        before, after = self._keys(change)
        now = self._holding(after)
        return now, set() if before == after else self._holding(before) - now

    def _keys(self, change: RowChange) -> tuple[set[bytes], set[bytes]]:
        """The row's keys in this table or index before and after the change."""
        _, key, old, new = change
        if not isinstance(self.source, AnyIndex):
            return ({key} if old else set()), ({key} if new else set())
        moved = self.source.moved(old, new)
        if moved is not None:
            return moved
        row = new or old
        same = self.source.entries(row) if row else set[bytes]()
        return same, same

    def _holding(self, keys: Iterable[bytes]) -> set[Changes]:
        found: set[Changes] = set()
        for key in keys:
            if (changes := self._of_one_key.get(key)) is not None:
                found.add(changes)
            for length, by_start in self._ranges.items():
                ranges = by_start.get(key[:length])
                if ranges:
                    found.update(each for span, each in ranges.items() if span.holds(key))
        return found


def common_start(span: Span) -> bytes:
    """The most bytes that all keys of the span begin with."""
    low, high = span
    if high is None:
        return b""
    if high == after(low):
        return low
    same = takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False))
    return low[: sum(1 for _ in same)]


def _single_key(span: Span) -> bytes | None:
    low, high = span
    return low if high == low + b"\0" else None
