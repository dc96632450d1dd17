"""A command on its way through an aggregate, and what it came to; actors and committer pass them.

Inside this package messages are plain `Command` and `Event`; the handles give users their types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from comity.engine.history.note import digest
from comity.engine.merging.command import Command
from comity.engine.merging.receipt import Preview, Receipt
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.actors.runtime.pending import Pending, Waiter
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.errors import ComityError
    from comity.engine.journal.record import Record
    from comity.engine.journal.turn import Entry
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.merging.merge import Sender
    from comity.engine.merging.report import MergeReport, Outcome

Answer: TypeAlias = Receipt[Event] | Preview[Event]

NOTHING: Final[Mapping[str, str]] = {}
"""No metadata."""


class Task:
    """A command in an aggregate's inbox."""

    __slots__ = (
        "command", "deadline", "decided", "key", "metadata", "pending", "preview", "retry",
        "sender",
    )  # fmt: skip

    def __init__(
        self,
        command: Command,
        sender: Sender,
        pending: Pending[Answer],
        deadline: float,
        metadata: Mapping[str, str],
        retry: bool = False,  # noqa: FBT001, FBT002 - one is made for each command: no keywords
        preview: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        self.command = command
        self.sender = sender
        self.pending = pending
        self.key: object = pending.id
        """What its actor knows it by: its id, unless another command has that id meanwhile."""
        self.deadline = deadline
        """On the monotonic clock: after it the command is not decided any more."""
        self.metadata = metadata
        self.retry = retry
        """The id was given by the sender, so it may have been used before."""
        self.preview = preview
        """Only try it: nothing is stored."""
        self.decided = False
        """The committer has what it came to, and has not answered it."""

    def same(self, other: Task) -> bool:
        """Whether the other is the same command sent again, as far as that can be told."""
        if self.preview or type(self.command) is not type(other.command):
            return False
        return not self.retry or digest(self.command) == digest(other.command)


class Owner(Protocol):
    """The actor of an aggregate, as who writes what it decided knows it."""

    @property
    def id(self) -> AggregateId:
        """Which aggregate it is."""
        ...

    @property
    def decider(self) -> AnyDecider:
        """Its type."""
        ...

    @property
    def epoch(self) -> int:
        """Counts the states that were loaded."""
        ...

    @property
    def lost_epoch(self) -> int:
        """The last one that was given up; what was decided in it is decided again."""
        ...

    def confirm(self, decided: Decided, durable: int | None) -> None:
        """It is about to be answered; `durable` is the version in the journal, if known."""
        ...

    def forget(self, task: Task, answer: Answer | ComityError) -> list[Waiter]:
        """Answer a task of which nothing is to be stored, and say who is to be woken."""
        ...

    def give_up(self, epoch: int, again: Sequence[Decided] = ()) -> None:
        """What was decided in this epoch did not come about: decide `again` what is given."""
        ...

    def replay(self, task: Task, record: Record) -> Answer | ComityError:
        """The answer that the journal holds for the task's id."""
        ...

    def true(self, task: Task, answer: Answer | ComityError) -> Answer | ComityError:
        """The answer, or what became of the task's id before, where it says that nothing did."""
        ...


class Decided:
    """What a command came to. Its answer is held back until everything it rests on is durable."""

    __slots__ = (
        "actor", "answer", "digest", "entry", "epoch", "events", "known", "outcome", "report",
        "task", "version",
    )  # fmt: skip

    def __init__(
        self,
        actor: Owner,
        task: Task,
        entry: Entry | None,
        outcome: Outcome,
        version: int,
        digest: int | None = None,
        events: tuple[Event, ...] = (),
        report: MergeReport | None = None,
        answer: Preview[Event] | ComityError | None = None,
        known: int | None = None,
    ) -> None:
        self.actor = actor
        self.epoch = actor.epoch
        """Which life of the actor's state it was decided on."""
        self.task = task
        self.entry = entry
        """What goes to the journal; None for a preview."""
        self.outcome = outcome
        self.version = version
        """The aggregate's version that it was decided at."""
        self.known = known
        """How many lasting records at that version it rests on; None: on none."""
        self.digest = digest
        self.events = events
        self.report = report
        self.answer = answer
        """A refusal or a preview; None where a receipt is to be made once the position is known."""
