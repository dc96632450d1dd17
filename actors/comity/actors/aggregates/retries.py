"""The answers to commands that are sent again, looked up in the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from comity.actors.aggregates.explanation import explanation
from comity.engine.errors import ComityError, IdReused, JournalError, NotExecuted, OutcomeUnknown
from comity.engine.history import history
from comity.engine.history.digest import same
from comity.engine.history.note import Note
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.report import Outcome
from comity.engine.text import told

if TYPE_CHECKING:
    from comity.actors.aggregates.task import Answer, Task
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import AnyDecider


class Retries:
    """The answers to command ids that were used before.

    Args:
        journal: holds the earlier commands.
        is_unknown: whether a command id may be stored although the journal does not find it.
    """

    def __init__(self, journal: Journal, is_unknown: Callable[[str], bool]) -> None:
        self._journal = journal
        self._is_unknown = is_unknown

    def true(
        self, decider: AnyDecider, id: AggregateId, task: Task, answer: Answer | ComityError
    ) -> Answer | ComityError:
        """Return the answer to give; for a retry, an earlier outcome replaces `NotExecuted`."""
        if task.retry and isinstance(answer, NotExecuted):
            return self.looked_up(decider, id, task) or answer
        return answer

    def looked_up(
        self, decider: AnyDecider, id: AggregateId, task: Task
    ) -> Answer | ComityError | None:
        """Return the outcome of the task's id when it was sent before; None: certainly none.

        Call it before a retry is answered with `NotExecuted`.
        """
        unknown = self._is_unknown(task.id)  # first: the outage may end meanwhile
        try:
            record = self._journal.find(task.id)
        except BaseException as error:
            return _unknown(task, told(error, 200))
        if record is not None:
            return self.replay(decider, id, record, task)
        return _unknown(task, "the journal cannot say yet") if unknown else None

    def replay(
        self,
        decider: AnyDecider,
        id: AggregateId,
        record: Record,
        task: Task,
    ) -> Answer | ComityError:
        """Make the answer to a task from the record that has its command id."""
        try:
            return self._replayed(decider, id, record, task)
        except JournalError as error:
            return error
        except BaseException as error:  # for example from an event class's upcast
            return _unknown(task, told(error, 200))

    def _replayed(
        self, decider: AnyDecider, id: AggregateId, record: Record, task: Task
    ) -> Answer | ComityError:
        kept = Note.unpack(record.note)
        if record.aggregate != id or not same(task.command, kept):
            return IdReused(
                f"the id {record.command_id!r} was used before, for {kept.command} on "
                f"{record.aggregate}; an id is given again only to retry the same command"
            )
        refusal = kept.refused(decider.decide.__module__)
        if refusal is not None:
            report = kept.report
            if report is not None and report.unseen and kept.outcome is Outcome.REJECTED:
                sent = history.sent(kept, record)
                explain = explanation(self._journal, decider, id, task.command, sent)
                refusal.attach(report, explain)
            return refusal
        return Receipt(
            id=record.command_id,
            aggregate=record.aggregate,
            outcome=kept.outcome,
            version=record.last_version,
            position=record.last_position,
            events=tuple(one.event for one in history.recorded(decider, record)),
            command=kept.command,
            who=kept.who,
            seen=kept.seen,
            merge_report=kept.report,
            session=kept.session,
            rules_revision=kept.rules_revision,
        )


def _unknown(task: Task, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"what became of the command {task.id!r} when it was sent before cannot be told "
        f"now ({why}); send it again with the same id"
    )
