"""The answer that a person gets to a command: a value, also where the command was refused."""

from __future__ import annotations

from dataclasses import dataclass

from comity.engine.errors import ComityError
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.refusals import Refused
from comity.engine.merging.report import MergeReport
from comity.engine.messages.message import Event


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command, as its person sees it."""

    outcome: str
    """An `Outcome`; else the name of an error, `lost` if no answer came, `drafted` while the
    person is offline, or `left out` in a shrunk run."""
    number: int | None = None
    """The number of the attempt in the run; None if it was not sent."""
    events: tuple[Event, ...] = ()
    version: int | None = None
    """The aggregate's version after the command; None if there is none."""
    report: MergeReport | None = None
    """The merge report; None if the command was not decided."""
    error: ComityError | None = None
    """The refusal or error; None if there is none."""

    @property
    def refused(self) -> bool:
        """Whether a rule refused the command."""
        return isinstance(self.error, Refused)

    @property
    def accepted(self) -> bool:
        """Whether the command was decided and not refused."""
        return self.outcome in {"applied", "merged", "rebased", "unchanged"}

    @classmethod
    def of(cls, answer: Receipt[Event] | ComityError | None, number: int) -> Answer:
        """Make it from a receipt, an error, or None if no answer came."""
        match answer:
            case Receipt():
                outcome = answer.outcome.value
                return cls(outcome, number, answer.events, answer.version, answer.report)
            case Refused():
                report = answer.report
                return cls(report.outcome.value, number, (), report.version, report, answer)
            case None:
                return cls("lost", number)
            case _:
                return cls(type(answer).__name__, number, error=answer)
