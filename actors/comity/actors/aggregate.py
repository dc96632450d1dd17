"""The handle of one aggregate. A host sends commands with it; it has its decider's types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from comity.actors.aggregates.task import NOTHING, Task
from comity.actors.runtime.pending import Batch, Pending
from comity.engine.aggregate_id import check_text
from comity.engine.arguments import check_seconds, check_several, check_whole
from comity.engine.errors import ComityError, Invalid
from comity.engine.merging.command import Command
from comity.engine.merging.receipt import Preview, Receipt
from comity.engine.merging.sent import Sender
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.actors.aggregates.aggregate_actor import AggregateActor
    from comity.actors.assembly.assembly import Assembly
    from comity.actors.viewer import Viewer
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.decider import Decider

MAX_METADATA = 1 << 16
"""The most bytes of a command's metadata, as UTF-8."""

_NOBODY: Final = Sender()

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class View(Generic[S_co]):
    """An aggregate's durable state, and its version."""

    state: S_co
    """A copy: changing it has no other effect."""
    version: int


class Aggregate(Generic[S, C, E]):
    """One aggregate, for one sender. Handles are cheap; several may name the same aggregate.

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
        """The aggregate's type and key."""
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
        """Send a command. The returned pending is answered once the result is durable.

        Args:
            command: what the sender wants.
            seen: the version that the sender was looking at when it chose the command; by default
                the version that the session remembers. Without one, the command is decided on the
                newest state without merging.
            id: the id of an earlier command, to retry it. Within the journal's window a command
                takes effect at most once, and a retry gets the first answer.
            deadline: seconds until the command must be decided; `Policy.deadline` by default. If
                the same id is sent again while it waits, the latest deadline counts.
            metadata: kept with the events, for read models and history.

        Raises:
            Busy: the inbox or the domain is full; nothing was sent.
            Invalid: the command, `seen` or the id is wrong in every state; nothing was sent.
            Closed, Forked: the domain takes no commands.
        """
        return self._send(command, seen, id, deadline, metadata)[0]

    def do(
        self,
        command: C,
        seen: int | None = None,
        *,
        id: str | None = None,
        deadline: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Receipt[E]:
        """Send a command and wait for its receipt, without a time limit.

        The result is the same as that of `send(...).result()`. If no other command is on its way,
        the calling thread decides and writes itself. That saves two thread switches, 0.1 ms for
        each command: a single client is about a fifth faster. The main thread never does this,
        since Ctrl-C could interrupt a commit: there `do` is as fast as `send(...).result()`.

        Raises:
            Refused: a rule refused the command.
            NotExecuted: it certainly had no effect.
            OutcomeUnknown: it may have had an effect.
            WiringError: called inside decide or a listener, where it could wait for itself.

        Example:
            receipt = sprint.do(RenameCard(card="c1", title="Ship it"), seen=7)
        """
        helps = self._assembly.idle and self._assembly.runtime.may_help()
        pending, actor = self._send(command, seen, id, deadline, metadata, helps=helps)
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
        """Send several commands at once, in order. Each is answered by itself.

        Raises:
            Busy: the inbox has no room for all of them now; none was sent.
            Invalid: they are more than an inbox can hold, or one is wrong; none was sent.
        """
        several = check_several(commands, "commands", Invalid)
        try:
            tasks = [self._task(each, seen, None, deadline, metadata) for each in several]
            self._assembly.post(self.id, tasks)
        except ComityError as error:
            self._assembly.refused(self.id, several, error)
            raise
        return Batch(self._follow(tasks))

    def preview(
        self, command: C, seen: int | None = None, *, deadline: float | None = None
    ) -> Pending[Preview[E]]:
        """Compute what the command would do now. It has no effect and guarantees nothing.

        Raises:
            Busy, Invalid, Closed, Forked: as in `send`.
        """
        try:
            task = self._task(command, seen, None, deadline, None, preview=True)
            self._assembly.post(self.id, [task])
        except ComityError as error:
            self._assembly.refused(self.id, [command], error)
            raise
        return cast("Pending[Preview[E]]", task)

    def look(self) -> View[S]:
        """The newest durable state and its version; the session remembers the version as seen.

        It reads a snapshot and the events after it from the journal.
        """
        state, version = self._assembly.state_at(self.decider, self.id)
        self.saw(version)
        return View(state, version)

    def saw(self, version: int) -> None:
        """Tell the session that its sender now sees this version.

        Raises:
            Invalid: it is not a version.
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
        command: C,
        seen: int | None,
        id: str | None,
        deadline: float | None,
        metadata: Mapping[str, str] | None,
        *,
        helps: bool = False,
    ) -> tuple[Pending[Receipt[E]], AggregateActor | None]:
        try:
            tasks = [self._task(command, seen, id, deadline, metadata)]
            actor = self._assembly.post(self.id, tasks, helps=helps)
        except ComityError as error:
            self._assembly.refused(self.id, [command], error)
            raise
        return self._follow(tasks)[0], actor

    def _task(
        self,
        command: C,
        seen: int | None,
        id: str | None,
        deadline: float | None,
        metadata: Mapping[str, str] | None,
        *,
        preview: bool = False,
    ) -> Task:
        """Make the task of a command.

        Raises:
            Invalid: an argument is wrong.
        """
        if type(command) not in self.decider.command_set:
            known = ", ".join(kind.__name__ for kind in self.decider.commands)
            msg = f"{command!r:.200} is not a command of {self.decider.name} ({known})"
            raise Invalid(msg)
        if id is not None:
            check_text(id, "a command id")
        assembly = self._assembly
        return Task(
            self.id,
            command,
            self._sender(seen),
            id or assembly.new_id(),
            assembly.runtime,
            self._until(deadline),
            _metadata(metadata) if metadata else NOTHING,
            id is not None,
            preview,
        )

    def _follow(self, tasks: list[Task]) -> list[Pending[Receipt[E]]]:
        """Let the session advance over its own events; returns the tasks as what senders get."""
        pendings = cast("list[Pending[Receipt[E]]]", tasks)
        if self._session is not None:
            self._session.follow(self.id, cast("list[Pending[Receipt[Event]]]", pendings))
        return pendings

    def _until(self, deadline: float | None) -> float:
        """A deadline in seconds as a time of the monotonic clock."""
        if deadline is None:
            return self._assembly.runtime.monotonic() + self._assembly.policy.deadline
        if not (seconds := check_seconds(deadline, "deadline")):
            msg = f"deadline: expected a number of seconds above 0, got {deadline!r}"
            raise Invalid(msg)
        return self._assembly.runtime.monotonic() + seconds

    def _sender(self, seen: int | None) -> Sender:
        session = self._session
        if seen is None:
            return _NOBODY if session is None else session.sender(self.id)
        if type(seen) is not int or seen < 0:
            msg = f"seen: expected the version that the sender saw, 0 or more, got {seen!r}"
            raise Invalid(msg)
        return Sender("", "", seen) if session is None else Sender(session.who, session.id, seen)

    def __repr__(self) -> str:
        return f"Aggregate({self.id})"


def _metadata(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """A copy of the metadata, which the caller may change before the command is decided.

    Raises:
        Invalid: it is not a mapping of str to str, or has more than `MAX_METADATA` bytes.
    """
    try:
        copy = dict(metadata.items())
        size = sum(len(name.encode()) + len(value.encode()) for name, value in copy.items())
    except (AttributeError, UnicodeEncodeError):
        msg = f"metadata: expected a mapping of str to str, valid as UTF-8, got {metadata!r:.200}"
        raise Invalid(msg) from None
    if size > MAX_METADATA:
        msg = f"metadata: expected at most {MAX_METADATA:,} bytes, got {size:,}"
        raise Invalid(msg)
    return copy
