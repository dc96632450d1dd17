"""Answers to the sender of a command: a receipt, or the preview of a command's result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from comity.engine.merging.report import MergeReport, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from comity.engine.aggregate_id import AggregateId
    from comity.engine.messages.message import Event

E_co = TypeVar("E_co", bound="Event", covariant=True)


class Receipt(NamedTuple, Generic[E_co]):
    """The answer to a command that was not refused.

    The command is durable, and so are all earlier commands that it was decided on.
    """

    id: str
    """The command's id; the same id again gives the same receipt, within the journal's window."""
    aggregate: AggregateId
    outcome: Outcome
    """`applied`, `merged`, `rebased` or `unchanged`."""
    version: int
    """The aggregate's version after the command."""
    position: int
    """The journal's position after the command: to read your own write, wait for this position."""
    events: tuple[E_co, ...]
    """The command's events; empty if the outcome is `unchanged`."""
    command: str
    """The command's stored name: by default the name of its class."""
    who: str
    seen: int | None
    merge_report: MergeReport | None = None
    """The report, or None if there were no unseen events; `report` is never None."""
    session: str = ""
    """The session that sent the command first; empty for commands outside of any session."""
    rules_revision: str = ""
    """The revision of the rules that decided, as the decider names it; empty if it names none."""

    @property
    def report(self) -> MergeReport:
        """The explanation of the outcome: unseen events, clashes, and the rule that ran."""
        return self.merge_report or MergeReport(
            outcome=self.outcome,
            command=self.command,
            who=self.who,
            seen=self.seen,
            version=self.version - len(self.events),
            rules_revision=self.rules_revision,
        )


@dataclass(frozen=True, slots=True)
class Preview(Generic[E_co]):
    """The result that a command would have now. Nothing was done, and nothing is promised."""

    outcome: Outcome
    version: int
    """The version that the command was tried on."""
    events: tuple[E_co, ...]
    """The events it would have; empty if it would be refused or change nothing."""
    _report: MergeReport
    _explain: Callable[[MergeReport], MergeReport] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def report(self) -> MergeReport:
        """The report that the receipt or refusal would have."""
        return self._report if self._explain is None else self._explain(self._report)
