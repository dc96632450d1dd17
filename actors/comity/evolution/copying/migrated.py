"""The result of a migration, and its progress while it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from comity.engine.journal.event_kind import EventKind
from comity.engine.text import duration


class Stage(StrEnum):
    """What a migration is doing."""

    COPYING = "copying"
    VERIFYING = "verifying"
    FOLDING = "folding"
    """Aggregates are folded; the others go through records."""
    FOLLOWING = "following"
    """The copy is up to date; waiting until the domain is closed."""


class CopyProgress(NamedTuple):
    """How far a migration is."""

    stage: Stage
    done: int
    """How many records of the original, or aggregates of the copy, are done in this stage."""
    total: int
    """How many there are now."""
    per_second: float
    """The speed in this stage."""

    def __str__(self) -> str:
        noun = "aggregates" if self.stage is Stage.FOLDING else "records"
        said = f"{self.done:,} of {self.total:,} {noun}"
        if self.stage is Stage.FOLLOWING:
            return f"{said}; waiting until the domain is closed"
        left = (self.total - self.done) / self.per_second if self.per_second else 0
        rest = f", {duration(left)} left" if left >= 1 else ""
        return f"{said}, {self.per_second:,.0f} a second{rest}"


ShowProgress: TypeAlias = Callable[[CopyProgress], None]
"""Is called a few times a second."""


@dataclass(frozen=True)
class Migrated:
    """What a migration did."""

    complete: bool
    """Whether the copy is complete and verified; if not, run the migration again to go on."""
    records: int
    """How many records the original has: commands, also those without events."""
    records_copied: int
    """How many records the copy has."""
    resumed: int
    """How many of these an earlier run had written."""
    changed: int
    """How many records of the original the function changed."""
    events: Mapping[EventKind, int]
    """The events of the original, by kind."""
    events_copied: Mapping[EventKind, int]
    """The events of the copy, by kind."""
    ids_found: int
    """How many command ids the copy finds; it finds each one that the original finds."""
    aggregates: int
    """How many aggregates the copy has."""
    folded: int
    """How many of them were folded with the deciders."""
    same: int
    """How many of these have the same state as in the original; the function changed the others."""
    not_folded: tuple[str, ...]
    """The types of aggregates for which there is no decider."""
    seconds: float
    """How long it took."""
    break_seconds: float | None
    """How long nobody could open the original, until the copy was complete; None: not yet."""
