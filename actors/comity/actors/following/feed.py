"""The next events from a position on: from memory where they are recent, or else from the journal.

An event that cannot be read is handled here, and nowhere else: what stands before it is given
first, and then nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from comity.engine.errors import UnreadableEvent
from comity.engine.history.batch import Batch

if TYPE_CHECKING:
    from comity.actors.following.routes import Routes
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.messages.message import Event

Recent = Callable[[int], "Sequence[Recorded[Event]] | None"]
"""Gives all events after a position from memory; None where they are not all there."""


class Feed:
    """A journal's events from a position on.

    Args:
        recent: gives the newest ones from memory, where somebody keeps them.
    """

    def __init__(
        self, journal: Journal, routes: Routes, after: int, recent: Recent | None = None
    ) -> None:
        self.position = after
        """How far it has read."""
        self._journal = journal
        self._batches: Iterator[Sequence[Record]] | None = None
        self._records: Iterator[Record] = iter(())
        self._routes = routes
        self._recent = recent

    def next(self, most: int) -> Batch:
        """About so many events; fewer at the journal's end, and before one that cannot be read.

        Raises:
            UnreadableEvent: the next one cannot be.
        """
        kept = self._recent(self.position) if self._recent is not None else None
        return self._read(most) if kept is None else self._take(kept[:most])

    def _take(self, kept: Sequence[Recorded[Event]]) -> Batch:
        """The next events are in memory."""
        self._batches = None
        after, self.position = self.position, kept[-1].position
        at_end = self._journal.position() <= self.position
        events = [at for at in kept if self._routes.lead(at)]
        return Batch(after, events, self.position, kept[-1].microseconds, at_end)

    def _read(self, most: int) -> Batch:
        """The next events are read from the journal."""
        events: list[Recorded[Event]] = []
        after, passed, last, is_end = self.position, 0, None, False
        try:
            while len(events) < most and passed < 16 * most:
                record = self._next_record()
                if record is None:
                    is_end = True
                    break
                for at in self._routes.events(record):
                    if at.position > after:  # the first record may begin before where this does
                        events.append(at)  # noqa: PERF401 - those before one that is unreadable stay
                last = record
                passed += 1
        except BaseException as error:
            self._batches = None  # what failed is not read on from
            if not isinstance(error, UnreadableEvent) or not (last or events):
                raise
        return self._moved(events, last, is_end=is_end)

    def _moved(
        self, events: Sequence[Recorded[Event]], last: Record | None, *, is_end: bool
    ) -> Batch:
        """Up to the last record that was read whole, or an event after it in one that was not."""
        after, microseconds = self.position, 0
        if last is not None:
            self.position, microseconds = last.last_position, last.time
        if events and events[-1].position > self.position:
            self.position, microseconds = events[-1].position, events[-1].microseconds
        return Batch(after, events, self.position, microseconds, is_end)

    def _next_record(self) -> Record | None:
        if self._batches is None:
            self._batches = self._journal.follow(self.position)
            self._records = iter(())
        record = next(self._records, None)
        if record is None:
            self._records = iter(next(self._batches))
            record = next(self._records, None)
        return record
