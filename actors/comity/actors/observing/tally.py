"""The observer that counts for `domain.statistics()`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from comity.actors.observing.observer import Observer
from comity.engine.merging.clash_places import clash_places
from comity.engine.merging.report import Outcome
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.observing.facts import Committed, Ended
    from comity.engine.merging.decider import AnyDecider


class Tally(Observer):
    """Counts groups, events, ends, and refusals by the place of the clash.

    Args:
        deciders: by type name; they give the events that a command may clash with.
    """

    def __init__(self, deciders: Mapping[str, AnyDecider]) -> None:
        self.commits = 0
        self.failed_commits = 0
        self.events = 0
        self._deciders = deciders
        self._lock = Lock()  # commands end on any thread
        self._ends: Counter[str] = Counter()
        self._conflicts: Counter[tuple[str, str]] = Counter()

    def committed(self, fact: Committed) -> None:
        """Count a group. It needs no lock: one thread at a time writes."""
        if fact.error is None:
            self.commits += 1
            self.events += fact.events
        else:
            self.failed_commits += 1

    def ended(self, facts: Sequence[Ended]) -> None:
        """Count the ends of commands, and the places of conflicts."""
        with self._lock:
            # Count runs of equal outcomes at once: looking up the name takes longest.
            last, run = None, 0
            for one in facts:
                outcome = one.outcome
                if outcome is None:
                    self._ends[one.end] += 1
                elif outcome is last:
                    run += 1
                else:
                    self._count(last, run)
                    last, run = outcome, 1
                if outcome is Outcome.CONFLICTED:
                    self._conflicts.update(self._places(one))
            self._count(last, run)

    @property
    def ends(self) -> Mapping[str, int]:
        """How many commands and previews ended, by the name of the end."""
        with self._lock:
            return dict(self._ends)

    @property
    def conflicts(self) -> Mapping[tuple[str, str], int]:
        """Refusals by conflict rules, by command and place."""
        with self._lock:
            return dict(self._conflicts)

    def _count(self, outcome: Outcome | None, many: int) -> None:
        if outcome is not None:
            self._ends[outcome.value] += many

    def _places(self, one: Ended) -> set[tuple[str, str]]:
        """Return the command's name with each place where it clashed."""
        events, name = self._deciders[one.aggregate.type].events, one.command.stored_as
        clashes = one.report.clashes if one.report else ()
        return {(name, place) for place in clash_places(one.command, clashes, events) or {""}}
