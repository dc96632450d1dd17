"""How many lasting records the aggregates have that merge now, so that no commit is read for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.commit_writer import CommitWriter
from comity.engine.journal.tip import Tip

MOST: Final = 32_768
"""The most aggregates whose counts are kept."""


class LastingCounts:
    """The counts of a writer, which tells it each commit. Used under the writer's locks.

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

    def after(self, commit: CommitWriter) -> Mapping[AggregateId, int]:
        """Return the counts that the commit changes, for `store`."""
        changed = self._known.keys() & commit.added.tips.keys()
        return {aggregate: self.count(aggregate, commit) for aggregate in changed}

    def store(self, counts: Mapping[AggregateId, int]) -> None:
        """Keep the counts after a commit that was stored."""
        if len(self._known) > MOST:
            self._known.clear()
        self._known.update(counts)

    def known(self, aggregate: AggregateId) -> int | None:
        """Return an aggregate's count at its current version; None if it is not known."""
        return self._known.get(aggregate)

    def move(self, aggregate: AggregateId, events: int, lasting: int) -> int | None:
        """Count a turn that another process has stored; return the count before it, if known."""
        known = self._known
        before = known.get(aggregate)
        if events:
            if len(known) > MOST:
                known.clear()
            known[aggregate] = lasting
        elif before is not None:
            known[aggregate] = before + lasting
        return before

    def clear(self) -> None:
        """Forget everything: the journal was opened again."""
        self._known.clear()
