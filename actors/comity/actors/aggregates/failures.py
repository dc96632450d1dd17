"""What becomes of turns that could not be written: every command of them is answered truthfully."""

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
    from comity.actors.aggregates.decided import Decided
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
"""What the sender of a command is told, and what observers are."""


class Failures:
    """Answers what was not written. Whoever writes the journal calls it.

    Args:
        journal: has the truth, once it is open again.
        outage: whether the journal can write now.
        retries: what became of ids that were used before.
        observers: are told how what was not written has ended.
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
        """Answer all by their ids: nothing of these turns is known to be stored."""
        self._lose(group, error, lambda one: self._not_stored(one, answer(one.id)))

    def find_out(self, group: Sequence[DecidedTurn], error: BaseException) -> None:
        """Open the journal again and answer with the truth, or that it is not known."""
        if not isinstance(error, OutcomeUnknown):
            _log.error("the journal failed while it wrote", exc_info=error)
        perhaps = [one for turn in group for one in turn.decided if one.entry]
        self._outage.begin(error, {one.id: one.aggregate for one in perhaps})
        if not self._outage.over():
            self.fail(group, error, self._outage.answer)
            return
        not_stored = StorageFailed(f"the journal failed and holds nothing of this command: {error}")

        def truth(one: Decided) -> _Told:
            record = self._journal.find(one.id) if one.entry else None
            if record is None:
                return self._not_stored(one, not_stored)
            return self._retries.replay(one.decider, one.aggregate, record, one.task), one

        self._lose(group, error, truth)

    def _not_stored(self, one: Decided, error: ComityError) -> _Told:
        answer = self._retries.true(one.decider, one.aggregate, one.task, error)
        return answer, Answered.of(one.aggregate, one.task, answer)

    def _lose(
        self,
        group: Sequence[DecidedTurn],
        error: BaseException,
        tell: Callable[[Decided], _Told],
    ) -> None:
        """Answer all of them, and have what was decided after them decided again."""
        if not group:
            return
        answers: dict[Flight, list[tuple[Task, Answer | ComityError]]] = defaultdict(list)
        ends: list[Ended] = []
        for turn in group:
            for one in turn.decided:
                answer, end = tell(one)
                answers[turn.flight].append((one.task, answer))
                if not one.task.pending.done():  # closing may have answered it
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
        if turns:  # and not previews alone
            aggregates = [turn.aggregate for turn in turns]
            commands = sum([len(turn.entries) for turn in turns])
            events = sum([len(one.events) for one in ends])
            self._observers.committed(Committed(aggregates, commands, events, 0.0, error))
        self._observers.ended(ends)
