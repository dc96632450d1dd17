"""What observers are told, each a plain record. `Observer` has a hook for each of them."""

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
    """It is only tried."""


class Merged(NamedTuple):
    """A command was decided, or refused by a rule. It may be decided again; `Ended` is final."""

    aggregate: AggregateId
    command: Command
    sender: Sender
    id: str
    preview: bool
    outcome: Outcome
    version: int
    """The aggregate's version that it was decided at."""
    report: MergeReport | None
    """None where nothing was unseen and nothing was refused, and for a preview."""


class Committed(NamedTuple):
    """A group of commands was written to the journal, or could not be."""

    aggregates: Sequence[AggregateId]
    """Those that the group was for, some of them perhaps several times."""
    commands: int
    """How many commands it held, with those that came to nothing."""
    events: int
    """How many events are known to be stored."""
    seconds: float
    """How long that took."""
    error: BaseException | None
    """Why it was not written, or why that is not known; None: it is durable."""


class Ended(Protocol):
    """A command or preview has ended, in whatever way. Each that was sent ends once."""

    @property
    def aggregate(self) -> AggregateId:
        """Which aggregate it was sent to."""
        ...

    @property
    def command(self) -> Command:
        """The command, as it was sent."""
        ...

    @property
    def sender(self) -> Sender:
        """Its sender, and what they had seen; nobody where the command was refused unsent."""
        ...

    @property
    def id(self) -> str:
        """The command's id; empty where it was refused unsent."""
        ...

    @property
    def end(self) -> str:
        """How it ended, in one word, as `Statistics.ends` names it."""
        ...

    @property
    def outcome(self) -> Outcome | None:
        """How it was decided; None for a preview, a repeated id and an error."""
        ...

    @property
    def events(self) -> Sequence[Event]:
        """The events that it came to; empty where `outcome` is None."""
        ...

    @property
    def report(self) -> MergeReport | None:
        """What merging has to tell, if anything; None where `outcome` is None."""
        ...


class Stepped(NamedTuple):
    """A follower has taken its next batch from the journal, or failed to."""

    follower: str
    """What it is called: `read model cards`."""
    position: int
    """How far it is now."""
    events: int
    """How many events it was given."""
    seconds: float
    """How long that took."""
    error: BaseException | None
    """Why it did not take the batch."""


class Loaded(NamedTuple):
    """An aggregate's state was loaded from the journal, or could not be."""

    aggregate: AggregateId
    version: int
    """The version that it was loaded at."""
    events: int
    """How many events were read: those after its snapshot."""
    seconds: float
    """How long that took."""
    error: BaseException | None
    """Why it was not loaded."""
