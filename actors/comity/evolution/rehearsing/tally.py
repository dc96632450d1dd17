"""Counts what a rehearsal finds, and makes its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from comity.engine import Outcome
from comity.evolution.rehearsing.rehearsal import LeftOut, Reason, Rehearsal, RehearsalCase, Row


@dataclass
class _Counts:
    """One row of the table, while it grows."""

    same: int = 0
    different: int = 0
    people: set[str] = field(default_factory=set[str])


class Tally:
    """The counts of one rehearsal.

    Args:
        rules: the revision of today's rules by type.
        limit: how many cases of each row are kept.
    """

    def __init__(self, rules: Mapping[str, str], limit: int) -> None:
        self._rules = rules
        self.commands = 0
        """How many commands are to be decided again."""
        self.from_events = 0
        """How many of them were made from their events."""
        self.others: Counter[str] = Counter()
        """How many records other types of aggregates have."""
        self._limit = limit
        self._rows: dict[tuple[str, str, Outcome, Outcome], _Counts] = {}
        self._cases: list[RehearsalCase] = []
        self._left_out: dict[tuple[str, str, Reason], tuple[int, str]] = {}

    def same(self, type: str, command: str, outcome: Outcome) -> None:
        """Count a command that comes out the same."""
        self._row((type, command, outcome, outcome)).same += 1

    def wants(self, type: str, command: str, was: Outcome, now: Outcome, who: str) -> bool:
        """Count a command that comes out differently; returns whether to `tell` the case."""
        row = self._row((type, command, was, now))
        row.different += 1
        row.people.add(who)
        return row.different <= self._limit

    def tell(self, case: RehearsalCase) -> None:
        """Keep a case."""
        self._cases.append(case)

    def leave_out(self, type: str, command: str, reason: Reason, told: str) -> None:
        """Count a command that cannot be decided again; the first one is told."""
        key = type, command, reason
        count, first = self._left_out.get(key, (0, told))
        self._left_out[key] = count + 1, first

    def rehearsal(self, seconds: float) -> Rehearsal:
        """Return the result."""
        rows = [
            Row(*key, row.same, row.different, len(row.people)) for key, row in self._rows.items()
        ]
        left_out = [LeftOut(*key, *told) for key, told in self._left_out.items()]
        return Rehearsal(
            rules=self._rules,
            commands=self.commands,
            rows=tuple(sorted(rows)),
            cases=tuple(self._cases),
            left_out=tuple(sorted(left_out)),
            from_events=self.from_events,
            others=dict(sorted(self.others.items())),
            seconds=seconds,
        )

    def _row(self, key: tuple[str, str, Outcome, Outcome]) -> _Counts:
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = _Counts()
        return found
