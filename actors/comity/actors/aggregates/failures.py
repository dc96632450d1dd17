"""Answers the commands of turns that could not be written."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from comity.actors.aggregates.answered import Answered
from comity.actors.observing.facts import Committed
from comity.actors.runtime.pending import Waiter, wake
from comity.engine.errors import ComityError, OutcomeUnknown, StorageFailed

if TYPE_CHECKING:
    from comity.actors.aggregates.decided_turn import DecidedTurn
    from comity.actors.aggregates.flight import Flight
    from comity.actors.aggregates.outage import Outage
    from comity.actors.aggregates.retries import Retries
    from comity.actors.aggregates.task import Answer, Task
    from comity.actors.observing.facts import Ended
    from comity.actors.observing.observers import Observers
    from comity.engine.journal.journal import Journal

_log = logging.getLogger("comity")

_Told: TypeAlias = "tuple[Answer | ComityError, Ended]"
"""The answer for the sender, and the fact for observers."""


class Failures:
    """Answers commands that were not written. The thread that writes the journal calls it.

    Args:
        journal: says which commands are stored, once it is open again.
        outage: whether the journal can write now.
        retries: gives the answers to ids that were used before.
        observers: are told how the commands ended.
    """

    def __init__(
        self, journal: Journal, outage: Outage, retries: Retries, observers: Observers
    ) -> None:
        self._journal = journal
        self._outage = outage
        self._retries = retries
        self._observers = observers

    def fail(
        self,
        group: Sequence[DecidedTurn],
        error: BaseException,
        answer: Callable[[str], ComityError],
    ) -> None:
        """Answer turns of which no command is known to be stored.

        Args:
            group: the turns.
            error: why they were not written, for observers.
            answer: makes the answer from a command's id.
        """
        self._lose(group, error, lambda turn, task: self._not_stored(turn, task, answer(task.id)))

    def find_out(self, group: Sequence[DecidedTurn], error: BaseException) -> None:
        """Open the journal again, look up each command and answer it.

        If the journal does not open, a command that may be stored gets `OutcomeUnknown`.
        """
        if not isinstance(error, OutcomeUnknown):
            _log.error("the journal failed while it wrote", exc_info=error)
        perhaps = {task.id: task.aggregate for turn in group for task in turn.stored}
        self._outage.begin(error, perhaps)
        if not self._outage.over():
            self.fail(group, error, self._outage.answer)
            return
        not_stored = StorageFailed(f"the journal failed and holds nothing of this command: {error}")

        def truth(turn: DecidedTurn, task: Task) -> _Told:
            record = None if task.preview else self._journal.find(task.id)
            if record is None:
                return self._not_stored(turn, task, not_stored)
            answer = self._retries.replay(turn.decider, turn.aggregate, record, task)
            decided = turn.aggregate, task.version, task.time
            if (record.aggregate, record.last_version, record.time) == decided:
                return answer, task
            return answer, Answered.of(turn.aggregate, task, answer)  # another domain used the id

        self._lose(group, error, truth)

    def _not_stored(self, turn: DecidedTurn, task: Task, error: ComityError) -> _Told:
        answer = self._retries.true(turn.decider, turn.aggregate, task, error)
        return answer, Answered.of(turn.aggregate, task, answer)

    def _lose(
        self,
        group: Sequence[DecidedTurn],
        error: BaseException,
        tell: Callable[[DecidedTurn, Task], _Told],
    ) -> None:
        """Answer all commands of the group; the commands of later turns are decided again."""
        if not group:
            return
        answers: dict[Flight, list[tuple[Task, Answer | ComityError]]] = defaultdict(list)
        ends: list[Ended] = []
        for turn in group:
            for task in turn.tasks:
                answer, end = tell(turn, task)
                answers[turn.flight].append((task, answer))
                if not task.done():  # else closing has answered it
                    ends.append(end)
        self._observe(group, error, ends)
        waiters: list[Waiter] = []
        for flight, told in answers.items():
            waiters += flight.lose(told)
        wake(waiters)

    def _observe(
        self, group: Sequence[DecidedTurn], error: BaseException, ends: Sequence[Ended]
    ) -> None:
        turns = [turn.written for turn in group if turn.written is not None]
        if turns:  # else all are previews
            aggregates = [turn.aggregate for turn in turns]
            commands = sum([len(turn.ids) for turn in turns])
            events = sum([len(one.events) for one in ends])
            self._observers.committed(Committed(aggregates, commands, events, 0.0, error))
        self._observers.ended(ends)
