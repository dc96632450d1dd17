"""What a domain has done since it was opened, in figures: `domain.statistics()` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a domain has done since it was opened, and how it stands at this moment."""

    uptime: float
    """Seconds since the domain was opened."""
    live: int
    """Aggregates in memory."""
    undecided: int
    """Commands that are not decided yet, of all aggregates together."""
    deepest: int
    """The same of the aggregate that has the most."""
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
