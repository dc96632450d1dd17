"""How many lasting records the aggregates have that merge now, so that no commit is read for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.commit_writer import CommitWriter
from comity.engine.journal.tip import Tip

MOST: Final = 32_768
"""The most aggregates whose counts are kept."""


class LastingCounts:
    """The counts of a journal's only writer, which tells it each commit. Used by one thread.

    Args:
        read: counts an aggregate's lasting records at its current version, in the journal.
        tip: returns an aggregate's tip in the journal.
    """

    def __init__(
        self, read: Callable[[AggregateId], int], tip: Callable[[AggregateId], Tip]
    ) -> None:
        self._read = read
        self._tip = tip
        self._known: dict[AggregateId, int] = {}

    def count(self, aggregate: AggregateId, commit: CommitWriter) -> int:
        """Return an aggregate's count after the turns that the commit has so far."""
        here, tip = commit.lasting(aggregate), commit.added.tips.get(aggregate)
        if tip is not None and tip.version > self._tip(aggregate).version:
            return here  # it has events in this commit
        before = self._known.get(aggregate)
        if before is None:
            before = self._known[aggregate] = self._read(aggregate)
        return here + before

    def store(self, commit: CommitWriter) -> None:
        """Note that the commit is being stored; call it before its tips are the journal's."""
        if len(self._known) > MOST:
            self._known.clear()
        for aggregate in self._known.keys() & commit.added.tips.keys():
            self._known[aggregate] = self.count(aggregate, commit)

    def clear(self) -> None:
        """Forget everything: the journal was opened again."""
        self._known.clear()
