"""The end of a command without a new decision: an error, or the answer to an earlier sending."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from comity.engine.errors import ComityError
from comity.engine.merging.refusals import Refused

if TYPE_CHECKING:
    from comity.actors.aggregates.task import Task
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.command import Command
    from comity.engine.merging.sent import Sender

REPEATED: Final = None
"""The `answer` of a repeated command that gets the same answer as an earlier sending, later."""


class Answered(NamedTuple):
    """The `Ended` fact for observers of a command that this domain did not decide now."""

    aggregate: AggregateId
    command: Command
    sender: Sender
    id: str
    answer: object
    """The sender's answer; `REPEATED` if it comes later."""
    outcome: None = None
    events: tuple[()] = ()
    report: None = None

    @classmethod
    def of(cls, aggregate: AggregateId, task: Task, answer: object) -> Answered:
        """Make the fact from a task and its answer."""
        return cls(aggregate, task.command, task.sender, task.id, answer)

    @property
    def end(self) -> str:
        """The name of the error; `repeated` for an earlier answer, even if that is a refusal."""
        error = self.answer
        if not isinstance(error, ComityError) or isinstance(error, Refused):
            return "repeated"
        known = next(one for one in type(error).__mro__ if one.__module__ == ComityError.__module__)
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", known.__name__).lower()
