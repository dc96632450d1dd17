"""The answer that a person gets to a command: a value, also where the command was refused."""

from __future__ import annotations

from dataclasses import dataclass

from comity.engine.errors import ComityError
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.refusals import Refused, Rejected
from comity.engine.merging.report import MergeReport, Outcome
from comity.engine.messages.message import Event


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command, as its person sees it."""

    outcome: str
    """An `Outcome`; else the name of an error, `lost` if no answer came, `drafted` while the
    person is offline, or `left out` in a shrunk run."""
    number: int | None = None
    """The number of the attempt in the run; None if it was not sent."""
    receipt: Receipt[Event] | None = None
    """The receipt; None if the command was refused, or not decided."""
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

    @property
    def events(self) -> tuple[Event, ...]:
        """The command's events."""
        return () if self.receipt is None else self.receipt.events

    @property
    def report(self) -> MergeReport | None:
        """The merge report; None if the command was not decided."""
        if isinstance(self.error, Refused):
            return self.error.report
        return None if self.receipt is None else self.receipt.report

    @classmethod
    def of(cls, answer: Receipt[Event] | ComityError | None, number: int) -> Answer:
        """Make it from a receipt, an error, or None if no answer came."""
        match answer:
            case Receipt():
                return cls(answer.outcome.value, number, receipt=answer)
            case Refused():
                kind = Outcome.REJECTED if isinstance(answer, Rejected) else Outcome.CONFLICTED
                return cls(kind.value, number, error=answer)
            case None:
                return cls("lost", number)
            case _:
                return cls(type(answer).__name__, number, error=answer)
