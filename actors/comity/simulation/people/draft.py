"""A command of a person, from the moment of choosing it to its answer."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Final

from comity.engine.errors import (
    Busy,
    Closed,
    ComityError,
    Expired,
    OutcomeUnknown,
    Quarantined,
    StorageFailed,
)
from comity.engine.merging.command import Command
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.refusals import Refused
from comity.engine.merging.report import Change, MergeReport, Outcome
from comity.engine.messages.message import Event
from comity.engine.text import words
from comity.simulation.people.answer import Answer
from comity.simulation.records.attempt import Attempt, Overlap

if TYPE_CHECKING:
    from comity.actors.runtime.pending import Pending
    from comity.engine.merging.decider import Decider

WORTH_ANOTHER_TRY: Final = (
    Busy, Closed, Expired, OutcomeUnknown, Quarantined, StorageFailed,
)  # fmt: skip
"""Answers after which a person sends the command again with the same id."""

MOST_TEXT: Final = 200
"""The most characters of a command in an attempt."""


@dataclass(eq=False, slots=True)
class Draft:
    """A command that a person has chosen. It becomes an attempt when it is sent."""

    who: str
    command: Command
    decider: Decider[object, Command, Event]
    key: str
    seen: int | None
    """The version that the person was looking at."""
    taken: float | None
    """When that view was taken from the domain."""
    chosen: float
    id: str = ""
    number: int = -1
    """The number of the attempt; -1 before it is sent."""
    sent: float = 0.0
    tries: int = 0
    again: int | None = None
    """The number of the refused attempt that this one repeats."""
    pending: Pending[Receipt[Event]] | None = None
    given: Receipt[Event] | ComityError | None = None
    """The newest answer of the domain, which may be lost on its way."""
    decided: float | None = None
    """When the domain first gave an answer that stays."""
    answer: Receipt[Event] | ComityError | None = None
    """The newest answer that the person got."""

    @property
    def settled(self) -> bool:
        """Whether the person has an answer that another try would not change."""
        return self.answer is not None and not isinstance(self.answer, WORTH_ANOTHER_TRY)

    def take(self, now: float) -> None:
        """Take the answer of the domain, if there is one by now."""
        pending = self.pending
        if pending is not None and pending.done():
            self.given = pending.answer()
        if self.decided is None and not isinstance(self.given, (*WORTH_ANOTHER_TRY, NoneType)):
            self.decided = now

    def attempt(self, answered: float) -> Attempt:
        """Return the record of the attempt, which ended at this time."""
        answer, report = self.answer, self._report()
        overlaps = () if report is None else tuple([_overlap(one) for one in report.clashes])
        until = answered if self.decided is None else self.decided
        return Attempt(
            number=self.number,
            person=self.who,
            aggregate=f"{self.decider.name}/{self.key}",
            command=self.command.stored_as,
            text=repr(self.command)[:MOST_TEXT],
            chosen=self.chosen,
            sent=self.sent,
            answered=None if answer is None else answered,
            seen=self.seen,
            age=0.0 if self.taken is None else until - self.taken,
            unseen=0 if report is None else report.unseen,
            outcome=Answer.of(answer, self.number).outcome,
            version=None if report is None else report.version,
            overlaps=overlaps,
            overwritten=overlaps if _overwrites(report) else (),
            rule=_rule(report),
            tries=self.tries,
            again=self.again,
            sentence=self._sentence(report),
        )

    def _report(self) -> MergeReport | None:
        match self.answer:
            case Receipt():
                return self.answer.report
            case Refused():
                # That of the refusal would find the decisive event now, which replays history: a
                # tenth of the time of a run.
                noted: MergeReport | None = getattr(self.pending, "report", None)
                return noted or self.answer.report
            case _:
                return None

    def _sentence(self, report: MergeReport | None) -> str:
        if report is not None:
            return report.sentence()
        ending = "no answer came" if self.answer is None else str(self.answer)
        return f"{self.who} wanted to {words(type(self.command).__name__)}: {ending}"


def _overlap(change: Change) -> Overlap:
    return Overlap(change.event, change.who, change.path or "")


def _rule(report: MergeReport | None) -> str | None:
    """The rule that decided; None if it changed the command, and then nothing was left to do."""
    if report is None or (report.outcome is Outcome.UNCHANGED and report.became is not None):
        return None
    return report.rule


def _overwrites(report: MergeReport | None) -> bool:
    """Whether the command went on as it was, over changes that its sender had not seen."""
    return report is not None and report.outcome is Outcome.REBASED and report.became is None
