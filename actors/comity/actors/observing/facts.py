"""The facts that observers get, each a plain record. `Observer` has a hook for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.command import Command
    from comity.engine.merging.report import MergeReport, Outcome
    from comity.engine.merging.sent import Sender
    from comity.engine.messages.message import Event


class Arrived(NamedTuple):
    """A command is in its aggregate's inbox."""

    aggregate: AggregateId
    command: Command
    sender: Sender
    id: str
    """The command's id."""
    preview: bool
    """Whether the command is only tried."""


class Merged(NamedTuple):
    """A command was decided, or refused by a rule. It may be decided again; `Ended` is final."""

    aggregate: AggregateId
    command: Command
    sender: Sender
    id: str
    preview: bool
    outcome: Outcome
    version: int
    """The aggregate's version before the decision."""
    report: MergeReport | None
    """None if no event was unseen and the command was not refused, and for a preview."""


class Committed(NamedTuple):
    """A group of commands was written to the journal, or could not be."""

    aggregates: Sequence[AggregateId]
    """The aggregates of the group's commands, some of them perhaps several times."""
    commands: int
    """How many commands the group held, including those without events."""
    events: int
    """How many events are known to be stored."""
    seconds: float
    """How long writing took."""
    error: BaseException | None
    """Why the group was not written, or why that is not known; None: it is durable."""


class Ended(Protocol):
    """A command or preview has ended, with any answer or error. Each one sent ends once."""

    @property
    def aggregate(self) -> AggregateId:
        """The aggregate that the command was sent to."""
        ...

    @property
    def command(self) -> Command:
        """The command, as it was sent."""
        ...

    @property
    def sender(self) -> Sender:
        """The sender, and the version they had seen; nobody if the command was refused unsent."""
        ...

    @property
    def id(self) -> str:
        """The command's id; empty if the command was refused unsent."""
        ...

    @property
    def end(self) -> str:
        """How the command ended, in one word; see `Statistics.ends`."""
        ...

    @property
    def outcome(self) -> Outcome | None:
        """The outcome of the decision; None for a preview, a repeated id and an error."""
        ...

    @property
    def events(self) -> Sequence[Event]:
        """The command's events; empty if `outcome` is None."""
        ...

    @property
    def report(self) -> MergeReport | None:
        """The report of merging, if there is one; None if `outcome` is None."""
        ...


class Stepped(NamedTuple):
    """A follower has taken its next batch from the journal, or failed to."""

    follower: str
    """The follower's name, for example `read model cards`."""
    position: int
    """The follower's position after the step."""
    events: int
    """How many events the batch held."""
    seconds: float
    """How long the step took."""
    error: BaseException | None
    """Why the follower did not take the batch; None: it did."""


class Loaded(NamedTuple):
    """An aggregate's state was loaded from the journal, or could not be."""

    aggregate: AggregateId
    version: int
    """The version of the loaded state."""
    events: int
    """How many events were read: those after the snapshot."""
    seconds: float
    """How long loading took."""
    error: BaseException | None
    """Why the state was not loaded; None: it was."""
