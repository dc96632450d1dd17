"""Where a journal comes from: the original, and each restore from a backup since.

A restored journal goes on from the end of its backup. What the original stored after that is not in
it, so the same position may mean another event. Whoever keeps a position outside the journal, such
as an outlet, keeps the name of the branch with it, and asks `Lineage.lost` before it goes on.
"""

from __future__ import annotations

from typing import NamedTuple


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

    def lost(self, branch: str, position: int) -> int | None:
        """Return how many events up to a position this journal lacks.

        Args:
            branch: the newest branch when the position was noted.
            position: the position of an event in that journal.

        Returns:
            0: everything up to there is the same here; None: the branch is not one of this journal.
        """
        names = [self.id, *(each.id for each in self.restores)]
        if branch not in names:
            return None
        later = self.restores[names.index(branch) :]
        end = min((each.position for each in later), default=position)
        return max(0, position - end)
