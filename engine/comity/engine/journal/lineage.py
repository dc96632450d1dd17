"""Where a journal comes from: the original, and each restore from a backup since.

A restored journal goes on from the end of its backup. What the original stored after that is not in
it, so the same position may mean another event. Whoever keeps a position outside the journal, such
as an outlet, keeps the name of the branch with it, and asks `Lineage.lost` before it goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from comity.engine.errors import FromTheFuture


class Branch(NamedTuple):
    """A restore from a backup. The restored journal has a new branch from then on."""

    id: str
    """The name of the branch: a random text."""
    position: int
    """The position of the last event of the backup: what came after it is of another branch."""
    record: int
    """The number of the last record of the backup."""
    time: int
    """When the backup was restored, in microseconds since 1970."""

    @property
    def told(self) -> str:
        """`was restored at 2026-11-30 10:00 UTC from a backup that ends at position 80`."""
        when = datetime.fromtimestamp(self.time // 1_000_000, UTC)
        end = f"from a backup that ends at position {self.position:,}"
        return f"was restored at {when:%Y-%m-%d %H:%M} UTC {end}"


class Lineage(NamedTuple):
    """The branches of a journal, the oldest first.

    >>> restored = Lineage("a1", (Branch("b2", 80, 95, 0),))
    >>> restored.branch, restored.lost("a1", 80), restored.lost("a1", 100)
    ('b2', 0, 20)
    """

    id: str
    """The name of the original journal, which is its first branch: a random text."""
    restores: tuple[Branch, ...] = ()
    """Each restore since, in order."""

    @property
    def branch(self) -> str:
        """The name of the newest branch: new events belong to it."""
        return self.restores[-1].id if self.restores else self.id

    @property
    def noted(self) -> str:
        """What comity keeps with a position: the newest branch, and nothing for the first one, as
        in data that is older than the first restore.
        """
        return self.restores[-1].id if self.restores else ""

    def since(self, branch: str) -> Sequence[Branch] | None:
        """Return the restores after a branch began; None: it is not one of this journal.

        Args:
            branch: its name; empty for the first one.
        """
        names = [self.id, *(each.id for each in self.restores)]
        if branch and branch not in names:
            return None
        return self.restores[names.index(branch or self.id) :]

    def lost(self, branch: str, position: int) -> int | None:
        """Return how many events up to a position this journal lacks, at most.

        Args:
            branch: the newest branch when the position was noted; empty for the first one.
            position: the position of an event in that journal.

        Returns:
            0: everything up to there is the same here; None: the branch is not one of this journal.
        """
        later = self.since(branch)
        if later is None:
            return None
        end = min((each.position for each in later), default=position)
        return max(0, position - end)

    def branch_at(self, position: int) -> str:
        """Return the branch in which the event at a position was stored; empty for the first."""
        older = [each.id for each in self.restores if each.position < position]
        return older[-1] if older else ""

    def why_lost(self, branch: str, position: int) -> str:
        """Say why this journal lacks events up to a position; empty if it has them all."""
        lost, later = self.lost(branch, position), self.since(branch)
        if later is None:
            return "it has the events of another journal, or of another restored copy of this one"
        if not lost:
            return ""
        first = min(later, key=lambda each: each.position)
        many = "event" if lost == 1 else f"{lost:,} events"
        return f"this journal {first.told}, and lacks the {many} after it"


def check_lineage(lineage: Lineage, branch: str, position: int) -> None:
    """Check that everything up to a position is the same in this journal as in a branch.

    Args:
        lineage: that of the journal.
        branch: the newest branch when the position was noted; empty if that is not known.
        position: the position of the last event that a reader has.

    Raises:
        FromTheFuture: the journal was restored, and lacks some of the events up to there.
    """
    if not branch or not (why := lineage.why_lost(branch, position)):
        return
    what = "begin anew, or after another position"
    if later := lineage.since(branch):
        end = min(each.position for each in later)
        what = f"what came after {end:,} did not happen here: undo it, and start after {end:,}"
    raise FromTheFuture(f"after={position:,} of the branch {branch!r:.100}: {why}; {what}")
