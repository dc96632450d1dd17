"""An errand: one thing that a runner has to do for an instance, until it is done and durable."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from comity.actors.following.back_off import DISK
from comity.engine.errors import (
    DeciderFailed,
    NotExecuted,
    OutcomeUnknown,
    ProcessFailed,
    StorageFailed,
    describe_error,
)
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.refusals import Refused

if TYPE_CHECKING:
    from comity.actors.aggregates.task import Task
    from comity.actors.processes.agenda import AnyAgenda
    from comity.actors.processes.agenda_rows import OrderRow, TimerRow, UnheardRow
    from comity.actors.processes.order_task import OrderTask
    from comity.actors.processes.sending import Sending
    from comity.engine.messages.message import Event

ErrandId: TypeAlias = tuple[str | int, ...]

BUSY: Final = (0.02, 5.0)
"""Seconds after the first failure, and at most, if time alone may help."""
STUCK: Final = (1.0, 300.0)
"""The same if a person has to help."""


class Stuck(NamedTuple):
    """What an instance cannot do now, and why. It is tried again."""

    key: str
    """The instance."""
    doing: str
    """What it does, such as `hears BoardClosed (position 17)`."""
    reason: str
    tries: int
    """How often it was tried."""
    seconds: float
    """Seconds until it is tried again."""


class Errand(abc.ABC):
    """One thing to do: a command is sent, once or again, until it is done."""

    def __init__(self, key: str) -> None:
        self.key = key
        """The instance."""
        self.task: Task | None = None
        """The command that is on its way, or was sent last."""
        self.tries = 0
        """How often it failed in a row."""
        self.reason = ""
        """Why it failed last."""
        self.is_stuck = False
        """Whether a person has to help."""
        self.until = 0.0
        """When it is tried again, on the monotonic clock."""

    @property
    @abc.abstractmethod
    def id(self) -> ErrandId:
        """What no other errand has."""

    @abc.abstractmethod
    def send(self, sending: Sending) -> Task:
        """Send its command.

        Raises:
            ComityError: it cannot be sent now, or not at all.
        """

    @abc.abstractmethod
    def is_due(self, agenda: AnyAgenda) -> bool:
        """Whether it is still to be done."""

    @abc.abstractmethod
    def __str__(self) -> str: ...

    def took(self, answer: Receipt[Event] | Refused) -> bool:
        """Take the answer to its command. True: it is done."""
        if isinstance(answer, Refused):  # no rule of a process refuses
            raise ProcessFailed(f"{self.key} {self}: {answer}")
        return True

    def failed(self, error: BaseException) -> float:
        """Note that it failed; returns the seconds after which to try again."""
        stuck = is_stuck(error)
        if stuck or not self.is_stuck:  # the cause says more than `Quarantined` after it
            self.reason, self.is_stuck = describe_error(error), stuck
        self.tries += 1
        first, most = STUCK if stuck else BUSY
        if isinstance(error, StorageFailed):
            most = DISK
        return min(most, first * (1 << min(self.tries - 1, 12)))

    def stuck(self, now: float) -> Stuck:
        """Describe why it is not done."""
        return Stuck(self.key, str(self), self.reason, self.tries, max(0.0, self.until - now))


class Hearing(Errand):
    """An instance is to hear an event. One at a time, so that it hears all in order."""

    def __init__(self, row: UnheardRow) -> None:
        super().__init__(row.key)
        self.row = row

    @property
    def id(self) -> ErrandId:
        """What no other errand has: an instance hears one event at a time."""
        return "hear", self.key

    def send(self, sending: Sending) -> Task:
        """Send the event, as it is in the journal."""
        return sending.step(self.key, sending.process.hear(sending.event(self.row)))

    def is_due(self, agenda: AnyAgenda) -> bool:
        """Whether the instance has not heard it."""
        row = agenda.instances.get(self.key)
        return row is not None and row.first == self.row.position

    def __str__(self) -> str:
        return f"hears {self.row.name} (position {self.row.position})"


class Ordering(Errand):
    """An order is to be sent, and then its answer to be brought back."""

    def __init__(self, row: OrderRow) -> None:
        super().__init__(row.key)
        self.row = row
        self._sent: OrderTask | None = None
        self._searched: int | None = None
        self._answer: Receipt[Event] | Refused | None = None

    @property
    def id(self) -> ErrandId:
        """What no other errand has."""
        return "order", self.key, self.row.number

    def send(self, sending: Sending) -> Task:
        """Send the order; once it has an answer, send the answer to the instance."""
        if self._answer is None:
            if self._sent is not None and self._sent.searched is not None:
                self._searched = self._sent.searched
            self._sent = sending.order(self.row, self._searched)
            return self._sent
        number = self.row.number
        return sending.step(self.key, sending.process.take_answer(number, self._answer))

    def took(self, answer: Receipt[Event] | Refused) -> bool:
        """Take the answer to the order, a refusal too; or learn that the instance has it."""
        if self._answer is not None:
            return super().took(answer)
        self._answer = answer
        return False

    def is_due(self, agenda: AnyAgenda) -> bool:
        """Whether the order is open."""
        return agenda.orders.exists((self.key, self.row.number))

    def __str__(self) -> str:
        if self._answer is not None:
            return f"hears the answer to its order {self.row.name}"
        return f"orders {self.row.command} of {self.row.type}/{self.row.target}"


class Ringing(Errand):
    """A timer is to ring."""

    def __init__(self, row: TimerRow) -> None:
        super().__init__(row.key)
        self.row = row

    @property
    def id(self) -> ErrandId:
        """What no other errand has."""
        return "ring", self.key, self.row.name, self.row.number

    def send(self, sending: Sending) -> Task:
        """Ring the timer."""
        return sending.step(self.key, sending.process.ring(self.row))

    def is_due(self, agenda: AnyAgenda) -> bool:
        """Whether the timer is set, and no other one in its place."""
        row = agenda.timers.get((self.key, self.row.name))
        return row is not None and row.number == self.row.number

    def __str__(self) -> str:
        return f"hears its timer {self.row.name}"


def is_stuck(error: BaseException) -> bool:
    """Whether a failed errand needs a person: time or a working disk alone do not help."""
    return isinstance(error, DeciderFailed) or not isinstance(error, NotExecuted | OutcomeUnknown)
