"""Finds the unseen event that caused a refusal, when the refusal's report is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from comity.engine.errors import ComityError
from comity.engine.history import history

if TYPE_CHECKING:
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.merging.report import MergeReport
    from comity.engine.merging.sent import Sent


def explanation(
    journal: Journal, decider: AnyDecider, id: AggregateId, command: Command, sent: Sent
) -> Callable[[MergeReport], MergeReport]:
    """Return a function that completes the report of a decided command by replaying history."""

    def explain(report: MergeReport) -> MergeReport:
        try:
            return history.explain(decider, journal, id, command, sent, report)
        except ComityError:  # closed or unreadable journal: leave the report as it is
            return report

    return explain
