"""Numbers of the original, such as versions, with their counterparts in the copy."""

from __future__ import annotations

from array import array
from bisect import bisect_left


class Spans:
    """Consecutive events of the original with the consecutive events that the copy has instead.

    Memory: 32 bytes for each span; spans that go on in the same way are one.
    """

    def __init__(self) -> None:
        self._first, self._last = array("Q"), array("Q")
        """The numbers in the original, before and after the events."""
        self._start, self._end = array("Q"), array("Q")
        """The same in the copy."""

    def add(self, first: int, last: int, start: int, end: int) -> None:
        """Add a span that comes after all others."""
        same = last - first == end - start
        if same and self._first and self._continues(first, start):
            self._last[-1], self._end[-1] = last, end
            return
        self._first.append(first)
        self._last.append(last)
        self._start.append(start)
        self._end.append(end)

    def _continues(self, first: int, start: int) -> bool:
        if (self._last[-1], self._end[-1]) != (first, start):
            return False
        return self._last[-1] - self._first[-1] == self._end[-1] - self._start[-1]

    def of(self, number: int) -> int:
        """Return the number in the copy after a number of the original was copied."""
        found = bisect_left(self._first, number) - 1  # the last span that begins before it
        if found < 0:
            return 0
        if number >= self._last[found]:
            return self._end[found]
        return min(self._start[found] + number - self._first[found], self._end[found])


class Positions:
    """The positions of all events of a copy, and their counterparts in the original."""

    def __init__(self) -> None:
        self._now = 0
        """The copy's position."""
        self._spans: Spans | None = None
        """None while each position is the same in both."""

    def add(self, before: int, events: int, written: int) -> None:
        """Add the events that the copy has instead of those of a record.

        Args:
            before: the position in the original before the events.
            events: how many the record had.
            written: how many the copy has instead.
        """
        if self._spans is None and (before, events) != (self._now, written):
            self._spans = Spans()
            self._spans.add(0, self._now, 0, self._now)
        if self._spans is not None:
            self._spans.add(before, before + events, self._now, self._now + written)
        self._now += written

    def of(self, position: int) -> int:
        """Return the copy's position after a position of the original was copied."""
        return position if self._spans is None else self._spans.of(position)
