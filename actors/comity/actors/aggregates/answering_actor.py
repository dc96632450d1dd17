"""Lets the commands of one aggregate in, and answers those that no turn has in the air.

Its flight has all commands that were accepted and not answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.actors.aggregates.answered import REPEATED, Answered
from comity.actors.aggregates.flight import Flight
from comity.actors.aggregates.task import Task
from comity.actors.runtime.pending import Pending, settle, wake
from comity.actors.runtime.pooled_actor import PooledActor
from comity.engine.errors import ComityError, Expired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comity.actors.aggregates.services import Services
    from comity.actors.aggregates.task import Answer
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.decider import AnyDecider


class AnsweringActor(PooledActor[Task]):
    """Accepts and answers the commands of one aggregate. A subclass decides them."""

    __slots__ = ("_flight", "_services", "decider", "id")

    def __init__(self, services: Services, decider: AnyDecider, id: AggregateId) -> None:
        super().__init__(services.executor, id, services.policy.inbox)
        self.id = id
        self.decider = decider
        self._services = services
        self._flight = Flight(self._gate, self.wake)

    @property
    def waiting(self) -> int:
        """How many commands and previews are not decided yet."""
        return super().waiting + self._flight.waiting

    @property
    def unanswered(self) -> int:
        """How many commands and previews are in the air."""
        return self._flight.unanswered

    def backlog(self) -> int:
        """How many commands and previews are accepted and not yet answered."""
        return len(self._flight.sent)

    def owed(self) -> Sequence[Pending[Answer]]:
        """The pending answers of this aggregate that are not settled. Any thread."""
        return [task for task in list(self._flight.sent.values()) if not task.done()]

    def more(self) -> bool:
        """Whether commands that a turn took from the inbox wait, and may be decided now."""
        return self._flight.due

    def admit(self, messages: Sequence[Task]) -> Sequence[Task]:
        """Return the messages for the inbox; a repeated command gets the answer of the first one.

        Raises:
            Busy: the messages do not fit.
        """
        flight = self._flight
        if messages[0].retry and flight.join(messages[0]):
            return ()
        if len(flight.sent) + len(messages) > self._capacity:
            raise self._full()
        flight.let_in(messages)
        return messages

    def not_admitted(self, messages: Sequence[Task]) -> None:
        """Tell observers, without holding the gate: an observer may send commands."""
        for task in messages:
            self._ended(task, REPEATED)

    def joins(self, task: Task) -> bool:
        """Give the task the answer of an equal one that is on its way. False: there is none."""
        with self._gate:
            joined = self._flight.join(task)
            first = self._flight.sent.get(task.id)
        if joined:
            self._ended(task, REPEATED)
            return True
        if first is None or not first.same(task):
            return False
        answer = first.answer()
        self._ended(task, answer)
        settle([(task, answer)])
        return True

    def expire(self, now: float) -> None:
        """Answer commands past their deadline: a slow turn or a rest may have held them up."""
        late = self.take_if(lambda task: task.deadline < now)
        for task in [*self._flight.take_late(now), *late]:
            self._answer(task, expired(task))

    def end(self, closed: ComityError, unknown: ComityError) -> None:
        """Take no more messages, and answer all that are on their way: the domain is closing.

        Args:
            closed: the answer to commands that wait, which are never decided.
            unknown: the answer to commands that a turn or the committer holds.
        """
        untaken = self.drain()
        self._answer_all([*self._flight.take(), *untaken], closed)
        for task in list(self._flight.sent.values()):
            self._ended(task, unknown)
            settle([(task, unknown)])

    def abandon(self, unknown: ComityError) -> None:
        """Settle all answers in a forked child, without waking threads or calling anything."""
        Pending.settle([(task, unknown) for task in list(self._flight.sent.values())])

    # --- answers ----------------------------------------------------------------------------------

    def _answered_before(self, task: Task) -> bool:
        """Answer the task if its id was used before. False: it was not."""
        record = task.find(self._services.journal)
        if record is None:
            return False
        self._answer(task, self._services.retries.replay(self.decider, self.id, record, task))
        return True

    def _answer(self, task: Task, answer: Answer | ComityError) -> None:
        """Answer a task that is not in the air."""
        answer = self._services.retries.true(self.decider, self.id, task, answer)
        self._ended(task, answer)
        wake(self._flight.answer(task, answer))

    def _ended(self, task: Task, answer: object) -> None:
        if answer is REPEATED or not task.done():  # else `end` has answered it
            self._services.observers.ended([Answered.of(self.id, task, answer)])

    def _answer_all(self, tasks: Sequence[Task], error: ComityError) -> None:
        for task in tasks:
            self._answer(task, error)


def expired(task: Task) -> Expired:
    """Return the answer to a command that has waited past its deadline."""
    return Expired(f"{type(task.command).__name__} waited past its deadline, and was not decided")
