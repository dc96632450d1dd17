"""Reads the events after a position: recent events from memory, others from the journal.

Only this module handles events that cannot be read: it gives the events before one, then raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
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
"""Gives all events after a position from memory; None unless all of them are in memory."""


class Feed:
    """A journal's events from a position on.

    Args:
        recent: gives the newest events from memory; None reads all events from the journal.
    """

    def __init__(
        self, journal: Journal, routes: Routes, after: int, recent: Recent | None = None
    ) -> None:
        self.position = after
        """The position up to which it has read."""
        self._journal = journal
        self._branch = journal.lineage().noted
        self._records: Iterator[Record | None] | None = None
        self._routes = routes
        self._recent = recent

    def next(self, most: int) -> Batch:
        """The next events, about `most`: fewer at the journal's end or before an unreadable event.

        Raises:
            UnreadableEvent: the next event cannot be read.
        """
        kept = self._recent(self.position) if self._recent is not None else None
        return self._read(most) if kept is None else self._take(kept[:most])

    def _take(self, kept: Sequence[Recorded[Event]]) -> Batch:
        """Make a batch of events from memory."""
        self._records = None
        after, self.position = self.position, kept[-1].position
        at_end = self._journal.position() <= self.position
        events = [at for at in kept if self._routes.lead(at)]
        return Batch(after, events, self.position, kept[-1].microseconds, at_end, self._branch)

    def _read(self, most: int) -> Batch:
        """Read a batch from the journal."""
        events: list[Recorded[Event]] = []
        after, last, is_end = self.position, None, False
        self._records = self._records or _records(self._journal.follow(after))
        try:
            for record in islice(self._records, 16 * most):
                if record is None:
                    is_end = True
                    break
                for at in self._routes.events(record):
                    if at.position > after:  # the first record may begin before `after`
                        events.append(at)  # noqa: PERF401 - events before an unreadable one stay
                last = record
                if len(events) >= most:
                    break
        except BaseException as error:
            self._records = None  # a failed iterator cannot be continued
            if not isinstance(error, UnreadableEvent) or not (last or events):
                raise
        return self._moved(events, last, is_end=is_end)

    def _moved(
        self, events: Sequence[Recorded[Event]], last: Record | None, *, is_end: bool
    ) -> Batch:
        """Move past the last complete record, or past the last event of an incomplete record."""
        after, microseconds = self.position, 0
        if last is not None:
            self.position, microseconds = last.last_position, last.time
        if events and events[-1].position > self.position:
            self.position, microseconds = events[-1].position, events[-1].microseconds
        return Batch(after, events, self.position, microseconds, is_end, self._branch)


def _records(batches: Iterator[Sequence[Record]]) -> Iterator[Record | None]:
    """The records of all batches; None after those that the journal has for now."""
    for batch in batches:
        yield from batch
        if not batch:
            yield None
