"""What a rehearsal found: a table, the first cases, and what could not be decided again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from comity.engine import AggregateId, Outcome
from comity.engine.text import printable, words
from comity.evolution.rehearsing.answer import Answer


class RehearsalCase(NamedTuple):
    """A recorded command that would come out differently today."""

    aggregate: AggregateId
    version: int
    """The aggregate's version on which the command was decided."""
    time: datetime
    who: str
    """The sender's name; empty if none was given."""
    session: str
    command: str
    """The command's class name."""
    command_id: str
    fields: Mapping[str, object]
    """The command's fields."""
    rules_revision: str
    """The revision of the rules that decided it then; empty if they named none."""
    was: Answer
    now: Answer
    from_events: bool = False
    """Whether the command was made again from its events, since the journal does not have it."""

    def sentence(self) -> str:
        """Return the case as a sentence for people."""
        who = printable(self.who or self.session) or "somebody"
        under = f" under rules {printable(self.rules_revision)}" if self.rules_revision else ""
        made = "; the command was made again from its events" if self.from_events else ""
        return (
            f"{self.time:%Y-%m-%d %H:%M} {who} wanted to {words(self.command)} on "
            f"{self.aggregate.at(self.version)}: {self.was}{under}; now {self.now}{made}"
        )


class Row(NamedTuple):
    """How many commands of one class had one outcome, and would have one outcome today."""

    type: str
    """The aggregates' type."""
    command: str
    was: Outcome
    now: Outcome
    same: int
    """How many would come out the same."""
    different: int
    """How many would come out differently: in their outcome, events or refusal."""
    people: int
    """How many senders the different ones have, by name."""

    @property
    def commands(self) -> int:
        """How many commands there are."""
        return self.same + self.different


class Reason(StrEnum):
    """Why a recorded command could not be decided again."""

    NOT_KEPT = "the journal does not have the command"
    GONE = "no class has the command's name any more"
    COMMAND = "the command cannot be read"
    EVENT = "an event of its aggregate cannot be read"
    STATE = "the state of its aggregate cannot be folded"
    FAILED = "today's rules raise an error"

    @property
    def is_problem(self) -> bool:
        """Whether something is wrong; a command that was not kept, or is gone, is no fault."""
        return self not in (Reason.NOT_KEPT, Reason.GONE)


class LeftOut(NamedTuple):
    """Commands of one class that could not be decided again, for one reason."""

    type: str
    command: str
    reason: Reason
    commands: int
    first: str
    """The first one: where it is, and the error if there was one."""


@dataclass(frozen=True)
class Rehearsal:
    """The result of `rehearse`."""

    rules: Mapping[str, str]
    """The revision of today's rules by type; an empty text if the decider names none."""
    commands: int
    """How many recorded commands were to be decided again."""
    rows: Sequence[Row]
    """By type, command and outcome."""
    cases: Sequence[RehearsalCase]
    """The first cases of each row, in the order of the journal."""
    left_out: Sequence[LeftOut]
    """What could not be decided again, by type, command and reason."""
    from_events: int
    """How many commands were made again from their events."""
    others: Mapping[str, int]
    """How many records belong to aggregates of other types, for which no decider was given."""
    seconds: float
    """How long it took."""

    @property
    def rehearsed(self) -> int:
        """How many commands were decided again."""
        return sum(row.commands for row in self.rows)

    @property
    def different(self) -> int:
        """How many of them would come out differently."""
        return sum(row.different for row in self.rows)

    @property
    def problems(self) -> int:
        """How many commands could not be decided again because something is wrong."""
        return sum(one.commands for one in self.left_out if one.reason.is_problem)

    @property
    def not_kept(self) -> int:
        """How many commands the journal does not have."""
        return sum(one.commands for one in self.left_out if not one.reason.is_problem)

    @property
    def is_same(self) -> bool:
        """Whether nothing would come out differently, and nothing is wrong.

        False also if there were commands and none of them could be decided again.
        """
        nothing = bool(self.commands) and not self.rehearsed
        return not (self.different or self.problems or nothing)
