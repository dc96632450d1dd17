"""The window of command ids: which of them a journal still knows. `LmdbJournal` has one."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple, Self

from comity.engine.journal.commit_head import CommitHead

KEEP_IDS: Final = 1_000_000
KEEP_FOR: Final = timedelta(days=7)
"""The window of command ids ends when one of these two limits is reached."""


class Window(NamedTuple):
    """How many command ids, and how old ones, a journal knows."""

    ids: int
    microseconds: int

    @classmethod
    def of(cls, keep_ids: int = KEEP_IDS, keep_for: timedelta = KEEP_FOR) -> Self:
        """Make the window that the arguments of `LmdbJournal.open` describe."""
        return cls(keep_ids, keep_for // timedelta(microseconds=1))

    @property
    def keep_for(self) -> timedelta:
        """How old the ids are that it knows."""
        return timedelta(microseconds=self.microseconds)

    def begin(self, last: CommitHead) -> int:
        """Return how many records come before the window, by number, if `last` is the newest."""
        return max(0, last.last_record - self.ids)

    def is_old(self, time: int, last: CommitHead) -> bool:
        """Return whether a record of this time is too old.

        It is compared with the newest record's time and not with a clock: records set a journal's
        time.
        """
        return time < last.time - self.microseconds

    def is_over(self, number: int, time: int, last: CommitHead) -> bool:
        """Return whether a record is outside, with so many records before it."""
        return number < self.begin(last) or self.is_old(time, last)
