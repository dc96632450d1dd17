"""One key's events on their way, in order. The dispatcher has a lane for each key that is at work.

A lane is light while its events are in memory only. After a failure it is kept: its events are in
the ledger, and in memory is at most a part of their positions.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from comity.actors.delivering.forms import WAITING, LaneRow

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event


class Entry:
    """An event that was read and is not finished."""

    __slots__ = ("at", "done", "microseconds", "position")

    def __init__(self, at: Recorded[Event]) -> None:
        self.at = at
        self.position = at.position
        self.microseconds = at.microseconds
        self.done = False
        """Whether it is delivered, or is in the ledger."""


class Lane:
    """The events of one key."""

    __slots__ = (
        "attempts",
        "digest",
        "due",
        "error",
        "first",
        "first_time",
        "kept",
        "key",
        "last",
        "loaded",
        "queue",
        "saved",
        "since",
        "size",
        "state",
        "tries",
        "under_way",
    )  # fmt: skip

    def __init__(self, digest: bytes, key: str) -> None:
        self.digest = digest
        self.key = key
        self.kept = False
        """Whether its events are in the ledger."""
        self.under_way = False
        """Whether its first event is being delivered."""
        self.tries = 0
        self.attempts = 0
        self.queue: deque[Entry] = deque()
        """Its events, while it is not kept."""
        # --- of a kept lane; see `LaneRow`
        self.state = WAITING
        self.due = 0
        self.since = 0
        self.error = ""
        self.size = 0
        self.first = 0
        self.first_time = 0
        self.last = 0
        self.loaded: deque[tuple[int, int]] = deque()
        """The positions and times of its first events, as far as they were loaded."""
        self.saved: LaneRow | None = None
        """Its row in the ledger, with the changes that are not written yet."""

    @classmethod
    def of(cls, digest: bytes, row: LaneRow) -> Lane:
        """Make the lane of a row."""
        lane = cls(digest, row.key)
        lane.kept, lane.saved = True, row
        for name in LaneRow._fields[1:]:
            setattr(lane, name, getattr(row, name))
        return lane

    @property
    def row(self) -> LaneRow:
        """The lane as the ledger keeps it."""
        return LaneRow(
            self.key, self.state, self.tries, self.attempts, self.due, self.since, self.error,
            self.size, self.first, self.first_time, self.last,
        )  # fmt: skip

    @property
    def idle(self) -> bool:
        """Whether nothing of it needs to be in memory."""
        return self.kept and not self.under_way
