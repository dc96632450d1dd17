"""The stage of a run: the domains that people reach, the clock, and what is noted of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import TypeAlias, TypeVar, cast

from comity.actors.aggregate import Aggregate, View
from comity.actors.aggregates.task import Task
from comity.actors.domain import Domain
from comity.actors.runtime.pending import Pending
from comity.actors.session import Session
from comity.engine.errors import Closed, ComityError, WiringError
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AggregateType, AnyDecider, Decider
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.refusals import Refused
from comity.engine.messages.message import Event
from comity.simulation.playing.invariants import Invariant
from comity.simulation.playing.replicas import Replicas
from comity.simulation.records.attempt import Attempt
from comity.simulation.records.run import Failure

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

NoteSent: TypeAlias = Callable[
    [str, Aggregate[object, Command, Event], Command, Pending[Receipt[Event]]], None
]


class Stage:
    """What people reach, in every way to play; implements `Server`.

    Args:
        clock: gives the seconds since the beginning.
        seconds: how long people work.
        deciders: the deciders that are played. A person may name another decider of the same name.
        domain_of: gives the open domain that a person reaches; None while it is down.
        invariants: are checked after each change.
        allows: whether a command is sent, by its person and number; all are by default.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        seconds: float,
        deciders: Iterable[AggregateType],
        domain_of: Callable[[str], Domain | None],
        *,
        invariants: Sequence[Invariant] = (),
        allows: Callable[[str, int], bool] | None = None,
    ) -> None:
        self._clock = clock
        self.open_until = seconds
        self.deciders: Mapping[str, AnyDecider] = {
            one.name: cast("AnyDecider", one) for one in deciders
        }
        self._domain_of = domain_of
        self._invariants = {
            name: [one for one in invariants if one.of == name] for name in self.deciders
        }
        self._allows = allows
        self.attempts: list[Attempt] = []
        self.story: list[str] = []
        self.failure: Failure | None = None
        self.steps: Callable[[], int] = int
        """Returns how many steps there were."""
        self.sent: (
            Callable[
                [str, Aggregate[object, Command, Event], Command, Pending[Receipt[Event]]], None
            ]
            | None
        ) = None
        """Called with each command that was sent, with its sender and handle."""
        self.replicas = Replicas(self.deciders, self._changed)
        self._sessions: dict[str, tuple[Domain, Session]] = {}
        self._numbers = count()

    @property
    def now(self) -> float:
        """See `Server.now`."""
        return self._clock()

    # --- requests -------------------------------------------------------------------------------

    def look(self, who: str, decider: Decider[S, C, E], key: str) -> View[S]:
        """See `Server.look`."""
        return self.replicas.look(self._handle(who, decider, key))

    def send(
        self,
        who: str,
        decider: Decider[object, Command, Event],
        key: str,
        command: Command,
        seen: int | None,
        id: str,
    ) -> Pending[Receipt[Event]]:
        """See `Server.send`."""
        handle = self._handle(who, decider, key)
        pending = handle.send(command, seen, id=id)
        if self.sent is not None:
            self.sent(who, handle, command, pending)
        return pending

    def _handle(
        self, who: str, decider: Decider[S, C, E], key: str
    ) -> Aggregate[S, Command, Event]:
        domain = self._domain_of(who)
        if domain is None:
            raise Closed("the domain is down")
        played = self.deciders.get(decider.name)
        if played is None:
            msg = f"{decider!r} is not played here ({', '.join(self.deciders)}): add it to deciders"
            raise WiringError(msg)
        of, session = self._sessions.get(who, (None, None))
        if session is None or of is not domain:
            session = domain.session(who, id=f"screen of {who}")
            self._sessions[who] = domain, session
        return session.aggregate(cast("Decider[S, Command, Event]", played), key)

    # --- what is noted --------------------------------------------------------------------------

    def number(self) -> int:
        """See `Server.number`."""
        return next(self._numbers)

    def allows(self, who: str, step: int) -> bool:
        """See `Server.allows`."""
        return self._allows is None or self._allows(who, step)

    def note(self, attempt: Attempt) -> None:
        """See `Server.note`."""
        self.attempts.append(attempt)

    def tell(self, sentence: str) -> None:
        """See `Server.tell`."""
        self.story.append(f"{clock_time(self.now)} {sentence}")

    # --- failures -------------------------------------------------------------------------------

    def check(self, who: str, error: ComityError) -> None:
        """See `Server.check`."""
        if not isinstance(error, Refused):
            text = f"{who} got an error that only a mistake in code causes: {error}"
            self.fail(type(error).__name__, text)

    def fail(self, kind: str, text: str) -> None:
        """End the run with a failure, unless it has failed already."""
        if self.failure is None:
            self.failure = Failure(kind, text, self.now, self.steps())

    def _changed(self, task: Task, state: object) -> None:
        """Check the invariants of an aggregate that a command has changed."""
        for invariant in self._invariants[task.aggregate.type]:
            why = invariant.broken(state)
            if why is not None:
                text = (
                    f"{invariant.name} does not hold for {task.aggregate} at version "
                    f"{task.version}, after {task.sender.who} sent {task.command!r:.200}: {why}"
                )
                self.fail("InvariantBroken", text)


def clock_time(seconds: float) -> str:
    """Return a time of the run as text: `02:14:07.250`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02}:{minutes:02}:{rest:06.3f}"
