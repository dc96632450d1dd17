"""The handle of one aggregate: what a host sends commands through, with its decider's types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from comity.actors.aggregates.task import NOTHING, Answer, Task
from comity.actors.runtime.pending import Batch, Pending
from comity.engine.aggregate_id import check_text
from comity.engine.arguments import check_seconds, check_several, check_whole
from comity.engine.errors import ComityError, Invalid
from comity.engine.merging.command import Command
from comity.engine.merging.merge import Sender
from comity.engine.merging.receipt import Preview, Receipt
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.actors.aggregates.aggregate_actor import AggregateActor
    from comity.actors.assembly.assembly import Assembly
    from comity.actors.viewer import Viewer
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.decider import Decider

MAX_METADATA = 1 << 16
"""The metadata of one command takes at most this many bytes of UTF-8."""

_NOBODY: Final = Sender()

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class View(Generic[S_co]):
    """What somebody looked at: an aggregate's durable state, and its version."""

    state: S_co
    """A copy of its own: changing it changes nothing else."""
    version: int


class Aggregate(Generic[S, C, E]):
    """One aggregate, as one sender sees it. Cheap to make; any number may name the same one.

    Example:
        sprint = domain.session("ann").aggregate(board, "sprint-42")
        receipt = sprint.send(RenameCard(card="c1", title="Ship it"), seen=7).result(timeout=1)
    """

    def __init__(
        self,
        assembly: Assembly,
        decider: Decider[S, C, E],
        id: AggregateId,
        session: Viewer | None,
    ) -> None:
        self.id = id
        """Which aggregate this is."""
        self.decider = decider
        self._assembly = assembly
        self._session = session

    def send(
        self,
        command: C,
        seen: int | None = None,
        *,
        id: str | None = None,
        deadline: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Pending[Receipt[E]]:
        """Send a command; the answer comes once it is durable.

        Args:
            command: what the sender wants.
            seen: the version that the sender was looking at when it chose the command. By default
                the one that the session remembers; where there is none, the command is done to
                today's state, and nothing is merged.
            id: give the id of an earlier command to retry that one: within the journal's window
                a command takes effect at most once, and the retry gets the first answer.
            deadline: seconds that it may wait to be decided; `Policy.deadline` by default. Where
                an id is sent again while it waits, the latest of them counts for all.
            metadata: kept with the events, for read models and history.

        Raises:
            Busy: too many commands are on their way; nothing was sent.
            Invalid: the command, `seen` or the id can never be right; nothing was sent.
            Closed, Forked: the domain takes no commands (any more).
        """
        return self._send([command], seen, id, deadline, metadata)[0][0]

    def do(
        self,
        command: C,
        seen: int | None = None,
        *,
        id: str | None = None,
        deadline: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Receipt[E]:
        """Send a command and wait for its receipt, however long it takes.

        It comes to the same as `send(...).result()`, and is quicker where nothing else is on its
        way: then the thread decides and writes for itself, which saves the hand-overs, 0.1 ms.
        The main thread waits as before: Ctrl-C would interrupt it in the middle of a commit.

        Raises:
            Refused: a rule said no; `NotExecuted`: it was not done; `OutcomeUnknown`.
            WiringError: called inside decide or a listener, where waiting could wait for itself.

        Example:
            receipt = sprint.do(RenameCard(card="c1", title="Ship it"), seen=7)
        """
        helps = self._assembly.idle and self._assembly.runtime.may_help()
        (pending,), actor = self._send([command], seen, id, deadline, metadata, helps=helps)
        if helps and actor is not None:
            actor.help()
        return pending.result()

    def send_many(
        self,
        commands: Iterable[C],
        seen: int | None = None,
        *,
        deadline: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Batch[Receipt[E]]:
        """Send several commands in order, at once. Each has its own answer; one refused stops none.

        Raises:
            Busy: they do not all fit into the inbox now; none was sent.
            Invalid: they would never all fit, or one of them can never be right; none was sent.
        """
        several = check_several(commands, "commands", Invalid)
        return Batch(self._send(several, seen, None, deadline, metadata)[0])

    def preview(
        self, command: C, seen: int | None = None, *, deadline: float | None = None
    ) -> Pending[Preview[E]]:
        """What the command would come to now. Commits nothing, refuses nothing, promises nothing.

        Raises:
            Busy, Invalid, Closed, Forked: as in `send`.
        """
        pending: Pending[Preview[E]] = Pending(self._assembly.new_id(), self._assembly.runtime)
        answer = cast("Pending[Answer]", pending)
        try:
            sender, until = self._sender(seen), self._until(deadline)
            self._post([Task(command, sender, answer, until, NOTHING, preview=True)])
        except ComityError as error:
            self._assembly.refused(error, 1)
            raise
        return pending

    def look(self) -> View[S]:
        """The newest durable state and its version, which the session remembers as seen.

        Reads the journal: a snapshot and the events after it.
        """
        state, version = self._assembly.state_at(self.decider, self.id)
        self.saw(version)
        return View(state, version)

    def saw(self, version: int) -> None:
        """Tell the session that its person is looking at this version now.

        Raises:
            Invalid: it is no version.
        """
        check_whole(version, "the version that was seen")
        if self._session is not None:
            self._session.remember(self.id, version)

    @property
    def version(self) -> int:
        """How many durable events the aggregate has."""
        return self._assembly.version(self.id)

    def _send(
        self,
        commands: Sequence[C],
        seen: int | None,
        id: str | None,
        deadline: float | None,
        metadata: Mapping[str, str] | None,
        *,
        helps: bool = False,
    ) -> tuple[list[Pending[Receipt[E]]], AggregateActor | None]:
        try:
            sender = self._sender(seen)
            if id is not None:
                check_text(id, "a command id")
            if metadata:
                _check_metadata(metadata)
            new_id, runtime = self._assembly.new_id, self._assembly.runtime
            # The annotation, not a subscript: Pending[...]() would cost more than the decision.
            pendings: list[Pending[Receipt[E]]] = [
                Pending(id or new_id(), runtime) for _ in commands
            ]
            answers = cast("list[Pending[Answer]]", pendings)
            until, retry = self._until(deadline), id is not None
            tasks = [
                Task(command, sender, pending, until, metadata or NOTHING, retry)
                for command, pending in zip(commands, answers, strict=True)
            ]
            actor = self._post(tasks, helps=helps)
        except ComityError as error:
            self._assembly.refused(error, len(commands))
            raise
        if self._session is not None:
            self._session.follow(self.id, cast("list[Pending[Receipt[Event]]]", pendings))
        return pendings, actor

    def _post(self, tasks: list[Task], *, helps: bool = False) -> AggregateActor | None:
        kinds = self.decider.command_set
        for task in tasks:
            if type(task.command) not in kinds:
                known = ", ".join(kind.__name__ for kind in self.decider.commands)
                msg = f"{task.command!r:.200} is not a command of {self.decider.name} ({known})"
                raise Invalid(msg)
        return self._assembly.post(self.id, tasks, helps=helps)

    def _until(self, deadline: float | None) -> float:
        """The moment on the monotonic clock that is so many seconds away."""
        if deadline is None:
            return self._assembly.runtime.monotonic() + self._assembly.policy.deadline
        if not (seconds := check_seconds(deadline, "deadline")):
            msg = f"deadline: expected a number of seconds above 0, got {deadline!r}"
            raise Invalid(msg)
        return self._assembly.runtime.monotonic() + seconds

    def _sender(self, seen: int | None) -> Sender:
        session = self._session
        if seen is not None and (type(seen) is not int or seen < 0):
            msg = f"seen is the version that was looked at, 0 or more; got {seen!r}"
            raise Invalid(msg)
        if session is None:
            return _NOBODY if seen is None else Sender("", "", seen)
        return Sender(session.who, session.id, session.seen(self.id) if seen is None else seen)

    def __repr__(self) -> str:
        return f"Aggregate({self.id})"


def _check_metadata(metadata: Mapping[str, str]) -> None:
    """It goes into the journal as it is, so what cannot be stored is refused here.

    Raises:
        Invalid: it is not a mapping of str to str, or takes more than `MAX_METADATA` bytes.
    """
    try:
        size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    except (AttributeError, UnicodeEncodeError):
        msg = f"metadata is a mapping of str to str that UTF-8 can encode; got {metadata!r:.200}"
        raise Invalid(msg) from None
    if size > MAX_METADATA:
        msg = f"metadata takes at most {MAX_METADATA:,} bytes; this takes {size:,}"
        raise Invalid(msg)
