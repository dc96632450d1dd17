"""Figures about a domain's work since it was opened: `domain.statistics()` returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from comity.engine.sharing.sharer import Sharer


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures about a domain's work since it was opened, and about its current state."""

    uptime: float
    """Seconds since the domain was opened."""
    live: int
    """Aggregates in memory."""
    undecided: int
    """Commands that are not decided yet, of all aggregates together."""
    deepest: int
    """Commands that are not decided yet, of the aggregate that has the most."""
    unanswered: int
    """Commands that are decided and not yet durable."""
    threads: int
    """Threads that run aggregates."""
    position: int
    """Events in the journal."""
    commits: int
    """Groups written since the domain was opened."""
    events: int
    """Events written since the domain was opened."""
    events_per_commit: float
    commit_age: float
    """Seconds since the writing of the current group began; 0 if none is being written."""
    failed_commits: int
    """Groups that could not be written, or whose outcome was not known at first."""
    ends: Mapping[str, int]
    """How many commands and previews have ended, by the kind of end. Each counts once, at its end.

    `applied`, `merged`, `rebased`, `unchanged`, `rejected` and `conflicted` are outcomes of
    commands that were decided here. `repeated`: a command whose id was sent before and that got the
    earlier answer. `previewed`: a preview with any outcome. The others are named after the errors
    that the sender got, raised by `send` or as the answer: `busy`, `expired`, `closed`,
    `quarantined`, `decider_failed`, `storage_failed`, `storage_full`, `outcome_unknown`, `invalid`,
    `from_the_future`, `id_reused`, and so on.
    """
    conflicts: Mapping[tuple[str, str], int]
    """Refusals by conflict rules, by command and place, `("RenameCard", "card/{card}/title")`.

    A refusal counts at each place that its report names. In a place, field names replace values.
    """
    size: int
    """Bytes that the journal occupies on disk."""
    sharers: Sequence[Sharer] = ()
    """The processes that have the journal open now, this one first, each with its commits and its
    decisions that were stale; none if the journal cannot be shared or is open `exclusive`."""
