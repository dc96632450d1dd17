"""What becomes of turns that could not be written: every command of them is answered truthfully."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from comity.actors.runtime.pending import Waiter, wake
from comity.engine.errors import ComityError, OutcomeUnknown, StorageFailed

if TYPE_CHECKING:
    from comity.actors.aggregates.decided import Decided
    from comity.actors.aggregates.flight import DecidedTurn, Flight
    from comity.actors.aggregates.outage import Outage
    from comity.actors.aggregates.retries import Retries
    from comity.actors.aggregates.tally import Tally
    from comity.actors.aggregates.task import Answer, Task
    from comity.engine.journal.journal import Journal

_log = logging.getLogger("comity")


class Failures:
    """Answers what was not written. Whoever writes the journal calls it.

    Args:
        journal: has the truth, once it is open again.
        outage: whether the journal can write now.
        retries: what became of ids that were used before.
        tally: counts what was answered.
    """

    def __init__(self, journal: Journal, outage: Outage, retries: Retries, tally: Tally) -> None:
        self._journal = journal
        self._outage = outage
        self._retries = retries
        self._tally = tally

    def fail(self, group: Sequence[DecidedTurn], answer: Callable[[str], ComityError]) -> None:
        """Answer all by their ids; nothing of these turns is known to be stored."""

        def failed(turn: DecidedTurn, one: Decided) -> Answer | ComityError:
            error = answer(one.task.pending.id)
            return self._failed(turn, one, error)

        self._lose(group, failed)

    def find_out(self, group: Sequence[DecidedTurn], error: BaseException) -> None:
        """Open the journal again and answer with the truth, or that it is not known."""
        if not isinstance(error, OutcomeUnknown):
            _log.error("the journal failed while it wrote", exc_info=error)
        perhaps = [(turn, one) for turn in group for one in turn.decided if one.entry]
        self._outage.begin(error, {one.task.pending.id: turn.aggregate for turn, one in perhaps})
        if not self._outage.over():
            self.fail(group, self._outage.answer)
            return
        not_stored = StorageFailed(f"the journal failed and holds nothing of this command: {error}")

        def truth(turn: DecidedTurn, one: Decided) -> Answer | ComityError:
            record = self._journal.find(one.task.pending.id) if one.entry else None
            if record is None:
                return self._failed(turn, one, not_stored)
            self._tally.answered([one])
            return self._retries.replay(one.decider, turn.aggregate, record, one.task)

        self._lose(group, truth)

    def _failed(self, turn: DecidedTurn, one: Decided, error: ComityError) -> Answer | ComityError:
        answer = self._retries.true(one.decider, turn.aggregate, one.task, error)
        if not one.task.pending.done():
            self._tally.ended(answer)
        return answer

    def _lose(
        self,
        group: Sequence[DecidedTurn],
        answer: Callable[[DecidedTurn, Decided], Answer | ComityError],
    ) -> None:
        """Answer all of them, and have what was decided after them decided again."""
        if group:
            self._tally.failed_group()
        answers: dict[Flight, list[tuple[Task, Answer | ComityError]]] = defaultdict(list)
        for turn in group:
            answers[turn.flight] += [(one.task, answer(turn, one)) for one in turn.decided]
        waiters: list[Waiter] = []
        for flight, told in answers.items():
            waiters += flight.lose(told)
        wake(waiters)
