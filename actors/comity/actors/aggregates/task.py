"""A command on its way through an aggregate: the one object made for it, from sending to answer.

The sender holds it as its `Pending`, the aggregate's inbox as a message. The decision is noted in
it, and the receipt is made when somebody asks for the answer: many are never asked for.

Inside this package messages are plain `Command` and `Event`; the handles give users their types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from comity.actors.runtime.pending import Pending
from comity.engine.formats import filled
from comity.engine.history.digest import digest
from comity.engine.merging.command import Command
from comity.engine.merging.receipt import Preview, Receipt
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.actors.runtime.pending import Waiter
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.errors import ComityError
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.merging.report import MergeReport, Outcome
    from comity.engine.merging.sent import Sender

Answer: TypeAlias = Receipt[Event] | Preview[Event]

_RECEIPT: Final = cast("type[Receipt[Event]]", Receipt)

NOTHING: Final[Mapping[str, str]] = {}
"""No metadata."""


class Task(Pending[Answer]):
    """A command, its decision and its answer. Once decided, it is the `Ended` fact for observers.

    A task may be decided again, if its turn was not stored: then `decided` replaces what was
    noted before.
    """

    __slots__ = (
        "aggregate", "command", "deadline", "events", "key", "metadata", "outcome", "own",
        "preview", "report", "retry", "rules_revision", "sender", "time", "version",
    )  # fmt: skip

    def __init__(
        self,
        aggregate: AggregateId,
        command: Command,
        sender: Sender,
        id: str,
        runtime: Runtime,
        deadline: float,
        metadata: Mapping[str, str] = NOTHING,
        retry: bool = False,  # noqa: FBT001, FBT002 - one is made for each command: no keywords
        preview: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        self.id = id  # these four as in `Pending`, without another call for each command
        self._runtime = runtime
        self._answer = None
        self._waiters = ()
        self.aggregate = aggregate
        self.command = command
        """The command, as it was sent."""
        self.sender = sender
        """The person and session that sent it, and the version that they had seen."""
        self.key: object = id
        """The key in `Flight.sent`: the command's id, or the task if the id is taken there."""
        self.deadline = deadline
        """The time after which the command is not decided any more, on the monotonic clock."""
        self.metadata = metadata
        self.retry = retry
        """Whether the sender gave the id, so that it may have been used before."""
        self.preview = preview
        """Whether the command is only tried: nothing is stored."""

    # Set by the decision:
    rules_revision: str
    """The revision of the rules that decided it."""
    outcome: Outcome | None
    """How the command ended; None for a preview."""
    events: tuple[Event, ...]
    report: MergeReport | None
    own: Preview[Event] | ComityError | None
    """The answer once the turn is durable, if it is a preview or a refusal; else a receipt."""
    version: int
    """The aggregate's version after the command."""
    time: int
    """When it was decided, in microseconds since 1970."""

    def decided(
        self,
        outcome: Outcome,
        events: tuple[Event, ...],
        version: int,
        time: int,
        report: MergeReport | None = None,
        refusal: ComityError | None = None,
    ) -> None:
        """Note the decision.

        Args:
            outcome: how the command ended.
            events: its events.
            version: the aggregate's version after it.
            time: when it was decided, in microseconds since 1970.
            report: how it was merged, if there is a report.
            refusal: the error that its sender gets, if it was refused.
        """
        self.outcome = outcome
        self.events = events
        self.version = version
        self.time = time
        self.report = report
        self.own = refusal

    def tried(self, preview: Preview[Event]) -> None:
        """Note the result of a preview."""
        self.outcome, self.events, self.report = None, (), None
        self.own = preview

    def find(self, journal: Journal) -> Record | None:
        """Find the record of its id, if it was sent before; called each time before it is decided.

        Raises:
            NotExecuted: it is not to be decided any more.
        """
        return journal.find(self.id)

    @property
    def end(self) -> str:
        """How the command ends once it is answered, in one word."""
        return "previewed" if self.outcome is None else self.outcome.value

    def same(self, other: Task) -> bool:
        """Whether the other task is the same command sent again, judged by class and digest."""
        if self.preview or type(self.command) is not type(other.command):
            return False
        return not self.retry or digest(self.command) == digest(other.command)

    def answer(self) -> Answer | ComityError:
        """Return the answer as a value, even if it is an error. Only when `done()`."""
        answer = self._answer
        if type(answer) is int:
            answer = self._answer = self._receipt(answer)
        return cast("Answer | ComityError", answer)

    def _receipt(self, ahead: int) -> Receipt[Event]:
        """Make the receipt; in this turn, positions are `ahead` of the aggregate's versions."""
        assert self.outcome is not None
        who, session, seen = self.sender
        fields = (
            self.id, self.aggregate, self.outcome, self.version, self.version + ahead, self.events,
            self.command.stored_as, who, seen, self.report, session,
            self.rules_revision,
        )  # fmt: skip
        return filled(_RECEIPT, fields)

    def __repr__(self) -> str:
        return f"Pending({self.id!r}, {'done' if self.done() else 'waiting'})"


def settle_turns(answers: Sequence[tuple[Task, Answer | ComityError | int]]) -> list[Waiter]:
    """Give tasks their answers, or what their receipts are made of; returns the waiters to wake."""
    return Pending.settle(cast("Sequence[tuple[Task, Answer | ComityError]]", answers))
