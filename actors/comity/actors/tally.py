"""Counting what a domain does: the committer counts, `domain.statistics()` reads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from comity.engine.footprint import may_overlap, show
from comity.engine.message import patterns_of
from comity.engine.report import Outcome

if TYPE_CHECKING:
    from comity.actors.task import Decided


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a domain has done since it was opened, and how it stands at this moment."""

    uptime: float
    """Seconds since the domain was opened."""
    live: int
    """Aggregates in memory."""
    undecided: int
    """Commands that wait in inboxes, of all aggregates together."""
    deepest: int
    """Commands that wait in the fullest inbox."""
    unanswered: int
    """Commands that are decided and not yet durable."""
    threads: int
    """Threads that run aggregates."""
    position: int
    """Events in the journal."""
    commits: int
    """Groups written since the domain was opened."""
    events: int
    """Events written since then."""
    events_per_commit: float
    commit_age: float
    """Seconds that the group which is being written has taken so far; 0 when none is."""
    failed_commits: int
    """Groups that could not be written, or whose outcome was not known at first."""
    outcomes: Mapping[Outcome, int]
    """How commands ended."""
    conflicts: Mapping[tuple[str, str], int]
    """Refusals by conflict rules, by command and path: `("RenameCard", "card/{card}/title")`."""
    size: int
    """Bytes that the journal takes on disk."""


class Tally:
    """Counts under the committer's role alone, so that nothing needs a lock."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.commits = 0
        self.failed_commits = 0
        self.events = 0
        self.outcomes: Counter[Outcome] = Counter()
        self.conflicts: Counter[tuple[str, str]] = Counter()

    def committed(self, entries: int) -> None:
        """A group with so many entries is durable."""
        self.commits += 1

    def failed_group(self) -> None:
        """A group could not be written."""
        self.failed_commits += 1

    def answered(self, group: Sequence[Decided]) -> None:
        """These commands got their answers."""
        counted = [decided for decided in group if decided.entry is not None]  # no previews
        self.events += sum([len(decided.events) for decided in counted])
        # By runs: the hash of an Enum's member is Python, and most are like the one before.
        for outcome, run in groupby(counted, key=attrgetter("outcome")):
            some = list(run)
            self.outcomes[outcome] += len(some)
            if outcome is Outcome.CONFLICTED:
                names = [(type(one.task.command).__name__, _path(one)) for one in some]
                self.conflicts.update(names)


def _path(decided: Decided) -> str:
    """Where it clashed, with the names of fields for their values: those would be endless."""
    clashes = decided.report.clashes if decided.report else ()
    if not clashes or clashes[0].path is None:
        return ""
    path = tuple(clashes[0].path.split("/"))
    for pattern in patterns_of(type(decided.task.command)):
        if len(pattern) == len(path) and may_overlap(pattern, path):
            return show(pattern)
    return show(patterns_of(type(decided.task.command))[0])
