"""Finds the unseen event that made the difference, when somebody asks a refusal for its report."""

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
    """What completes a report that was made when the command was decided. It replays history."""

    def explain(report: MergeReport) -> MergeReport:
        try:
            return history.explain(decider, journal, id, command, sent, report)
        except ComityError:  # closed meanwhile, or unreadable: the rest of the report stands
            return report

    return explain
