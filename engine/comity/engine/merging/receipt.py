"""What the sender of a command gets back: a receipt, or from a preview what it would come to."""

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
    """The answer to a command: it is durable, and so is everything it rests on."""

    id: str
    """The command's id; the same id again gives the same receipt, within the journal's window."""
    aggregate: AggregateId
    outcome: Outcome
    """`applied`, `merged`, `rebased` or `unchanged`."""
    version: int
    """The aggregate's version after the command."""
    position: int
    """The journal's position that holds it: wait for this one to read your own write."""
    events: tuple[E_co, ...]
    """What happened; empty when the outcome is `unchanged`."""
    command: str
    """The command's class name."""
    who: str
    seen: int | None
    merge_report: MergeReport | None = None
    """The report where there was something to merge; `report` is never None."""
    session: str = ""
    """The session that sent it first; empty for commands outside of any session."""

    @property
    def report(self) -> MergeReport:
        """Why it ended so: what was unseen, what clashed, which rule ran."""
        return self.merge_report or MergeReport(
            outcome=self.outcome,
            command=self.command,
            who=self.who,
            seen=self.seen,
            version=self.version - len(self.events),
        )


@dataclass(frozen=True, slots=True)
class Preview(Generic[E_co]):
    """What a command would come to now. Nothing was done, and nothing is promised."""

    outcome: Outcome
    version: int
    """The version that it was tried on."""
    events: tuple[E_co, ...]
    """What would happen; empty when it would be refused or change nothing."""
    _report: MergeReport
    _explain: Callable[[MergeReport], MergeReport] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def report(self) -> MergeReport:
        """Why it would end so, as the receipt or refusal would say it."""
        return self._report if self._explain is None else self._explain(self._report)
