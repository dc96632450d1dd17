"""What people's requests reach: the domain, the clock, and the place where attempts are noted."""

from __future__ import annotations

from typing import Protocol, TypeVar

from comity.actors.aggregate import View
from comity.actors.runtime.pending import Pending
from comity.engine.errors import ComityError
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.merging.receipt import Receipt
from comity.engine.messages.message import Event
from comity.simulation.records.attempt import Attempt

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Server(Protocol):
    """The domain, as people reach it. `look` and `send` raise `Closed` while it is down."""

    @property
    def now(self) -> float:
        """Seconds since the beginning of the run."""
        ...

    @property
    def open_until(self) -> float:
        """When the working time is over, in seconds since the beginning."""
        ...

    def look(self, who: str, decider: Decider[S, C, E], key: str) -> View[S]:
        """Return an aggregate's newest durable state and version."""
        ...

    def send(
        self,
        who: str,
        decider: Decider[object, Command, Event],
        key: str,
        command: Command,
        seen: int | None,
        id: str,
    ) -> Pending[Receipt[Event]]:
        """Send a command to an aggregate; see `Aggregate.send`."""
        ...

    def number(self) -> int:
        """Return the number of the next attempt."""
        ...

    def allows(self, who: str, step: int) -> bool:
        """Whether the person may send its command with this number; not if it is left out."""
        ...

    def note(self, attempt: Attempt) -> None:
        """Keep an attempt that has ended."""
        ...

    def tell(self, sentence: str) -> None:
        """Add a sentence to the run's story."""
        ...

    def check(self, who: str, error: ComityError) -> None:
        """End the run if the answer to a command is an error that only a mistake in code causes."""
        ...
