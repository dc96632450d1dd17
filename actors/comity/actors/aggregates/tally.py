"""Counting what a domain does: the committer counts, `domain.statistics()` reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from comity.engine.errors import ComityError
from comity.engine.merging.clash_places import clash_place
from comity.engine.merging.refusals import Refused
from comity.engine.merging.report import Outcome
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.aggregates.decided import Decided


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
    ends: Mapping[str, int]
    """How whatever was sent has ended, each command and preview once; those to come are missing.

    The outcomes, `applied`, `merged`, `rebased`, `unchanged`, `rejected` and `conflicted`, are of
    commands that were decided here. `repeated`: an id that was sent before and got that answer;
    `previewed`: a preview, whatever it showed. The others are called like the errors that the
    sender got, raised by `send` or as the answer: `busy`, `expired`, `closed`, `quarantined`,
    `decider_failed`, `storage_failed`, `storage_full`, `outcome_unknown`, `invalid`,
    `from_the_future`, `id_reused`, and so on.
    """
    conflicts: Mapping[tuple[str, str], int]
    """Refusals by conflict rules, by command and place, `("RenameCard", "card/{card}/title")`.

    A refusal counts at each place that its report names, with the fields' names for their values.
    """
    size: int
    """Bytes that the journal takes on disk."""


REPEATED: Final = None
"""What counts as the answer where an earlier sending gets it, and is counted by it."""


class Tally:
    """Counts: most under the committer's role alone, so that nothing needs a lock for them."""

    def __init__(self) -> None:
        self.commits = 0
        self.failed_commits = 0
        self.events = 0
        self.conflicts: Counter[tuple[str, str]] = Counter()
        self._decided: Counter[str] = Counter()
        self._lock = Lock()  # guards what any thread counts
        self._ended: Counter[str] = Counter()

    def committed(self) -> None:
        """A group is durable."""
        self.commits += 1

    def failed_group(self) -> None:
        """A group could not be written."""
        self.failed_commits += 1

    def answered(self, group: Sequence[Decided]) -> None:
        """These got what they were decided to get."""
        counted = [decided for decided in group if decided.entry is not None]
        if previews := len(group) - len(counted):
            self._decided["previewed"] += previews
        self.events += sum([len(decided.events) for decided in counted])
        # By runs: the hash of an Enum's member is Python, and most are like the one before.
        for outcome, run in groupby(counted, key=attrgetter("outcome")):
            some = list(run)
            self._decided[outcome.value] += len(some)
            if outcome is Outcome.CONFLICTED:
                self.conflicts.update([place for one in some for place in _places(one)])

    def ended(self, answer: object, many: int = 1) -> None:
        """So many ended otherwise: with an error, or with what was answered to an earlier one."""
        with self._lock:
            self._ended[_name(answer)] += many

    @property
    def ends(self) -> Mapping[str, int]:
        """All ends by name."""
        with self._lock:
            return dict(self._decided + self._ended)


def _places(decided: Decided) -> set[tuple[str, str]]:
    """The command, and where it clashed."""
    command, clashes = decided.task.command, decided.report.clashes if decided.report else ()
    events, name = decided.decider.events, type(command).__name__
    return {(name, clash_place(command, change, events)) for change in clashes} or {(name, "")}


def _name(answer: object) -> str:
    """What an end is called."""
    if not isinstance(answer, ComityError) or isinstance(answer, Refused):
        return "repeated"
    known = next(one for one in type(answer).__mro__ if one.__module__ == ComityError.__module__)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", known.__name__).lower()
