"""The events that were read and are not all finished, in the order of the journal.

The ledger's position moves up to the first of them that is not finished. Those behind it that are
finished are kept in the ledger as `ahead`, so that a crash does not deliver them again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from comity.actors.delivering.lane import Entry

if TYPE_CHECKING:
    from comity.actors.delivering.forms import Progress
    from comity.engine.history.batch import Batch
    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event


class Window:
    """What was read and is not finished, and how far everything is.

    Args:
        progress: where it begins.
        most: about how many events it holds.
    """

    def __init__(self, progress: Progress, most: int) -> None:
        self.position = progress.position
        """Everything up to here is finished."""
        self.microseconds = progress.microseconds
        self.read = progress.position
        """Everything up to here was read."""
        self._read_microseconds = progress.microseconds
        self._most = most
        self._entries: deque[Entry] = deque()
        self._ahead = frozenset(progress.ahead)
        self._ahead_to = max(progress.ahead, default=0)

    @property
    def room(self) -> int:
        """How many events may be read now."""
        return max(0, self._most - len(self._entries))

    @property
    def first(self) -> Entry | None:
        """The first event that is not finished."""
        return self._entries[0] if self._entries else None

    def add(self, events: Iterable[Recorded[Event]]) -> Sequence[Entry]:
        """Add events that were read; returns those that are not finished since an earlier life."""
        entries = [Entry(at) for at in events if at.position not in self._ahead]
        self._entries.extend(entries)
        return entries

    def moved(self, batch: Batch) -> None:
        """Note that everything up to a batch's end was read."""
        if batch.position > self.read:
            self.read, self._read_microseconds = batch.position, batch.microseconds

    def advance(self) -> None:
        """Move the position past finished events."""
        entries = self._entries
        while entries and entries[0].done:
            entry = entries.popleft()
            self.position, self.microseconds = entry.position, entry.microseconds
        if not entries:
            self.position, self.microseconds = self.read, self._read_microseconds
        if self._ahead and self._ahead_to <= self.position:  # until then it is written each time
            self._ahead = frozenset[int]()

    def ahead(self) -> tuple[int, ...]:
        """The positions of finished events behind the first unfinished one."""
        done = [entry.position for entry in self._entries if entry.done]
        return (*done, *(one for one in self._ahead if one > self.position))
