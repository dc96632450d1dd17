"""The decision about one command, not yet durable. The actor makes it, the committer answers it.

Inside this package messages are plain `Command` and `Event`; the handles give users their types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.engine.merging.receipt import Preview, Receipt
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.actors.aggregates.task import Task
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.errors import ComityError
    from comity.engine.journal.turn import Entry
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.merging.report import MergeReport, Outcome
    from comity.engine.merging.sent import Sender


class Decided:
    """The decision about one command. Its answer waits until all it depends on is durable."""

    __slots__ = (
        "aggregate", "answer", "decider", "entry", "events", "known", "outcome", "report", "task",
    )  # fmt: skip

    def __init__(
        self,
        aggregate: AggregateId,
        decider: AnyDecider,
        task: Task,
        entry: Entry | None,
        outcome: Outcome | None,
        events: tuple[Event, ...] = (),
        report: MergeReport | None = None,
        answer: Preview[Event] | ComityError | None = None,
        known: int | None = None,
    ) -> None:
        self.aggregate = aggregate
        self.decider = decider
        self.task = task
        self.entry = entry
        """The entry for the journal; None for a preview."""
        self.outcome = outcome
        """None for a preview."""
        self.events = events
        self.report = report
        self.answer = answer
        """A refusal or a preview; None: a receipt follows once the position is known."""
        self.known = known
        """How many lasting records at the aggregate's version it depends on; None: on none."""

    @property
    def command(self) -> Command:
        """The command, as it was sent."""
        return self.task.command

    @property
    def sender(self) -> Sender:
        """The person and session that sent it, and the version that they had seen."""
        return self.task.sender

    @property
    def id(self) -> str:
        """The command's id."""
        return self.task.pending.id

    @property
    def end(self) -> str:
        """How the command ends once it is answered, in one word."""
        return "previewed" if self.outcome is None else self.outcome.value

    def receipt(self, version: int, position: int) -> Receipt[Event]:
        """Make the receipt of a command that was not refused.

        Args:
            version: the aggregate's version after the command.
            position: the journal's position after the command.
        """
        assert self.outcome is not None
        task = self.task
        return Receipt(
            task.pending.id,
            self.aggregate,
            self.outcome,
            version,
            position,
            self.events,
            type(task.command).__name__,
            task.sender.who,
            task.sender.seen,
            self.report,
            task.sender.session,
        )
