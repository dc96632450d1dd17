"""What came of a command: its outcome, its events, or why it was refused. Rehearsals compare it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from comity.engine import Event, Outcome, Refused, Rejected
from comity.engine.text import brief, printable

if TYPE_CHECKING:
    from comity.engine import Command, Decision
    from comity.engine.history.note import Note
    from comity.engine.merging.refusals import Scalar

_NO_FIELDS: Final[Mapping[str, Scalar]] = MappingProxyType({})
_MOST: Final = 200
"""The most characters of an event or a reason in a sentence."""


class Answer(NamedTuple):
    """What came of a command. Two answers are the same if all but their rules are equal."""

    outcome: Outcome
    events: tuple[Event, ...] = ()
    code: str = ""
    """The class of the refusal; empty if the command was not refused."""
    reason: str = ""
    """The reason that the refusing rule gave."""
    fields: Mapping[str, Scalar] = _NO_FIELDS
    """The fields of a `Rejected`."""
    rule: str | None = None
    """The conflict rule that ran, if any."""

    def same_as(self, other: Answer) -> bool:
        """Whether a sender would notice no difference."""
        return self[:-1] == other[:-1]

    def __str__(self) -> str:
        """The answer in words: `rejected by ColumnFull: doing is full`."""
        told = self.outcome.value
        if self.outcome.refused:
            by = self.rule or self.code
            reason = f": {printable(brief(self.reason, _MOST))}" if self.reason else ""
            return f"{told} by {printable(by)}{reason}"
        if self.rule is not None:
            told += f" by {printable(self.rule)}"
        if not self.events:
            return told
        events = ", ".join(repr(event) for event in self.events)
        return f"{told}: {printable(brief(events, _MOST))}"


def recorded(note: Note, events: tuple[Event, ...]) -> Answer:
    """Return the answer that the sender got, from the record's note and its loaded events."""
    rule = note.report.rule if note.report is not None else None
    if note.refusal is None:
        return Answer(note.outcome, events, rule=rule)
    return Answer(note.outcome, (), *note.refusal, rule)


def decided(decision: Decision[Command, Event]) -> Answer:
    """Return the answer of a command that was not refused."""
    outcome, events, _, report = decision
    return Answer(outcome, events, rule=report.rule if report is not None else None)


def refused(refusal: Refused) -> Answer:
    """Return the answer of a command that was refused."""
    report = refusal.report
    if isinstance(refusal, Rejected):
        return Answer(report.outcome, (), refusal.code, refusal.said, refusal.fields, report.rule)
    return Answer(report.outcome, (), type(refusal).__name__, refusal.said, rule=report.rule)
