"""Counts what is missing of a damaged journal, by the heads of its commits. `salvage` uses it."""

from __future__ import annotations

from collections.abc import Sequence

from comity.engine.journal.commit_head import NO_COMMIT, CommitHead
from comity.engine.verifying.raw_turns import RawTurn
from comity.engine.verifying.salvaged import HarmedCommit, LostCommits


class Losses:
    """What was read of the commits so far; take them in order."""

    def __init__(self) -> None:
        self.lost: list[LostCommits] = []
        self.harmed: list[HarmedCommit] = []
        self.whole = 0
        """How many commits were read completely."""
        self.read: dict[int, set[int]] = {}
        """The offsets of the turns that were read of each harmed commit."""
        self._number = 0
        self._last: CommitHead | None = NO_COMMIT
        self._records = self._events = 0
        self._end_record = self._end_position = 0

    def take(
        self, number: int, head: CommitHead | None, turns: Sequence[RawTurn], dropped: int = 0
    ) -> None:
        """Note what was read of a commit.

        Args:
            number: its number.
            head: its head; None if that is not what was written.
            turns: its turns.
            dropped: how many records `compact` had dropped from it.
        """
        records = dropped + sum(len(one.located.records) for one in turns)
        events = sum(one.located.last_version - one.located.before.version for one in turns)
        if head is None and not records:
            return  # nothing of it could be read
        self._close_gap(number, head)
        self._number, self._last = number, head
        self._records += records
        self._events += events
        if head is not None:
            self._end_record, self._end_position = head.last_record, head.last_position
        if head is not None and (head.records, head.events) == (records, events):
            self.whole += 1
        else:
            lost = head.records - records if head else None
            self.harmed.append(HarmedCommit(number, records, lost))
            self.read[number] = {one.located.offset for one in turns}

    def end(self, last: int | None) -> None:
        """Note how many commits the journal has, if that is known."""
        if last is not None and last > self._number:
            self.lost.append(LostCommits(self._number + 1, last, None, None))
            self._number = last

    def _close_gap(self, number: int, head: CommitHead | None) -> None:
        if number > self._number + 1:
            last, records, events = self._last, None, None
            if head is not None and last is not None:
                records = head.record - last.last_record
                events = head.position - last.last_position
            self.lost.append(LostCommits(self._number + 1, number - 1, records, events))

    @property
    def number(self) -> int:
        """The number of the last commit, as far as it is known."""
        return self._number

    @property
    def records(self) -> int:
        """How many records are missing, as far as it is known."""
        return max(0, self._end_record - self._records)

    @property
    def events(self) -> int:
        """How many events are missing, as far as it is known."""
        return max(0, self._end_position - self._events)

    @property
    def are_none(self) -> bool:
        """Whether nothing is missing; of commits without a sound head, the next head tells it."""
        return not self.lost and not self.records and not self.events and self._last is not None

    def has(self, commit: int, offset: int) -> bool:
        """Whether the turn at this offset of this commit was read."""
        if commit in self.read:
            return offset in self.read[commit]
        return not any(one.first <= commit <= one.last for one in self.lost)
