"""The stage of a run: the domain that people reach, its clock, and what is noted of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, cast

from comity.actors.aggregate import Aggregate, View
from comity.actors.domain import Domain
from comity.actors.session import Session
from comity.engine.errors import Closed, ComityError, WiringError
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AggregateType, AnyDecider, Decider
from comity.engine.merging.refusals import Refused
from comity.engine.messages.message import Event
from comity.simulation.records.attempt import Attempt
from comity.simulation.records.run import Failure

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Stage:
    """What people reach, in every way to play; implements `Server`.

    Args:
        clock: gives the seconds since the beginning.
        seconds: how long people work.
        deciders: the deciders that are played. A person may name another decider of the same name.
    """

    def __init__(
        self, clock: Callable[[], float], seconds: float, deciders: Iterable[AggregateType]
    ) -> None:
        self._clock = clock
        self.open_until = seconds
        self.deciders: Mapping[str, AnyDecider] = {
            one.name: cast("AnyDecider", one) for one in deciders
        }
        self.domain: Domain | None = None
        """The open domain; None while it is down."""
        self.attempts: list[Attempt] = []
        self.story: list[str] = []
        self.failure: Failure | None = None
        self.kept: frozenset[tuple[str, int]] | None = None
        """In a shrunk run: the commands that are sent, by person and number; None: all."""
        self.steps: Callable[[], int] = int
        """Returns how many steps there were."""
        self._sessions: dict[str, Session] = {}
        self._sent = 0

    @property
    def now(self) -> float:
        """See `Server.now`."""
        return self._clock()

    def open(self, domain: Domain | None) -> None:
        """Let people reach this domain from now on; None: none."""
        self.domain = domain
        self._sessions.clear()

    def look(self, who: str, decider: Decider[S, C, E], key: str) -> View[S]:
        """See `Server.look`."""
        return cast("View[S]", self.handle(who, cast("AnyDecider", decider), key).look())

    def handle(
        self, who: str, decider: Decider[S, Command, Event], key: str
    ) -> Aggregate[S, Command, Event]:
        """See `Server.handle`."""
        if self.domain is None:
            raise Closed("the domain is down")
        played = self.deciders.get(decider.name)
        if played is None:
            msg = f"{decider!r} is not played here ({', '.join(self.deciders)}): add it to deciders"
            raise WiringError(msg)
        session = self._sessions.get(who)
        if session is None:
            session = self._sessions[who] = self.domain.session(who, id=f"screen of {who}")
        return session.aggregate(cast("Decider[S, Command, Event]", played), key)

    def number(self) -> int:
        """See `Server.number`."""
        self._sent += 1
        return self._sent - 1

    def allows(self, who: str, step: int) -> bool:
        """See `Server.allows`."""
        return self.kept is None or (who, step) in self.kept

    def note(self, attempt: Attempt) -> None:
        """See `Server.note`."""
        self.attempts.append(attempt)

    def tell(self, sentence: str) -> None:
        """See `Server.tell`."""
        self.story.append(f"{clock_time(self.now)} {sentence}")

    def check(self, who: str, error: ComityError) -> None:
        """See `Server.check`."""
        if not isinstance(error, Refused):
            self.fail(
                type(error).__name__, f"{who} got an error that a mistake in code causes: {error}"
            )

    def fail(self, kind: str, text: str) -> None:
        """End the run with a failure, unless it has failed already."""
        if self.failure is None:
            self.failure = Failure(kind, text, self.now, self.steps())


def clock_time(seconds: float) -> str:
    """Return a time of the run as text: `02:14:07.250`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02}:{minutes:02}:{rest:06.3f}"
