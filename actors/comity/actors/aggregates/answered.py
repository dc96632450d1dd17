"""A command that ended otherwise than by a decision: with an error, or with an earlier answer."""

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
"""What counts as the answer where an earlier sending gets it, and is counted by it."""


class Answered(NamedTuple):
    """The end of a command that this domain did not decide, as observers are told it."""

    aggregate: AggregateId
    command: Command
    sender: Sender
    id: str
    answer: object
    """What the sender gets; `REPEATED` where it comes later."""
    outcome: None = None
    events: tuple[()] = ()
    report: None = None

    @classmethod
    def of(cls, aggregate: AggregateId, task: Task, answer: object) -> Answered:
        """The end of this task."""
        return cls(aggregate, task.command, task.sender, task.pending.id, answer)

    @property
    def end(self) -> str:
        """The name of the error; an earlier answer, be it a refusal, is `repeated`."""
        error = self.answer
        if not isinstance(error, ComityError) or isinstance(error, Refused):
            return "repeated"
        known = next(one for one in type(error).__mro__ if one.__module__ == ComityError.__module__)
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", known.__name__).lower()
