"""Merges and decides one command on one state, and evolves the state. The actor calls it.

It applies the pure rules of `comity.engine.merging` and makes the entry for the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.actors.aggregates.decided import Decided
from comity.actors.aggregates.explanation import explanation
from comity.engine.history import note
from comity.engine.journal.turn import Entry
from comity.engine.merging.decider import store
from comity.engine.merging.merge import Decision, merge
from comity.engine.merging.receipt import Preview
from comity.engine.merging.refusals import Refused, Rejected, Scalar
from comity.engine.merging.report import MergeReport, Outcome
from comity.engine.merging.sent import Sent, sent_by
from comity.engine.messages import codec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from comity.actors.aggregates.replica import Replica
    from comity.actors.aggregates.task import Task
    from comity.engine.merging.command import Command
    from comity.engine.messages.message import Event


def decide(replica: Replica, task: Task, now: int) -> Decided:
    """Decide the command on the replica's state, and apply its events to that state.

    Args:
        replica: the state, and the events that the sender has not seen.
        task: the command; a preview changes nothing.
        now: the time of the decision, in microseconds since 1970.

    Raises:
        Behind: the sender has seen events of another process that the replica does not have.
        FromTheFuture: the sender's `seen` is a version that does not exist.
        DeciderFailed: the domain's code has a bug; the state may be half changed.
    """
    sender, command = task.sender, task.command
    sent = sent_by(sender, now, task.pending.id, task.metadata)
    since = () if sender.seen is None else replica.since(sender.seen)
    known = len(since[-1].dropped) if since else None
    try:
        decision = merge(replica.decider, replica.state, replica.version, command, sent, since)
    except Refused as refusal:
        return _refused(replica, task, sent, refusal, known)
    outcome, events, became, report = decision
    if task.preview:
        return _previewed(replica, task, decision)
    stored = tuple([store(event) for event in events])
    # The sender's next commands depend on the command as it was sent, even if it gave no events.
    dropped = not events and bool(sender.session and report and report.rule)
    written = command if dropped or (events and became is not command) else None
    text = _note(task, outcome, report, written)
    entry = Entry(task.pending.id, stored, now, text, task.retry, dropped)
    if dropped:
        replica.drop(sent, command)
    replica.apply(events, stored, sent, written)
    return Decided(replica.id, replica.decider, task, entry, outcome, events, report, known=known)


def _refused(
    replica: Replica, task: Task, sent: Sent, refusal: Refused, known: int | None
) -> Decided:
    refusal.__traceback__ = None  # it would keep merging's objects in memory
    report, explain = refusal.report, None
    outcome = report.outcome
    if report.unseen and outcome is Outcome.REJECTED:
        explain = explanation(replica.journal, replica.decider, replica.id, task.command, sent)
    if task.preview:
        answer: Preview[Event] = Preview(outcome, replica.version, (), report, explain)
        return Decided(replica.id, replica.decider, task, None, None, answer=answer)
    refusal.attach(report, explain)
    fields: Mapping[str, Scalar] = refusal.fields if isinstance(refusal, Rejected) else {}
    code = refusal.code if isinstance(refusal, Rejected) else type(refusal).__name__
    text = _note(task, outcome, report, None, (code, refusal.said, fields))
    entry = Entry(task.pending.id, (), sent.microseconds, text, task.retry)
    return Decided(replica.id, replica.decider, task, entry, outcome, (), report, refusal, known)


def _previewed(replica: Replica, task: Task, decision: Decision[Command, Event]) -> Decided:
    sender = task.sender
    report = decision.report or MergeReport(
        outcome=decision.outcome, command=type(task.command).__name__, who=sender.who,
        seen=sender.seen, version=replica.version,
    )  # fmt: skip
    answer = Preview(decision.outcome, replica.version, decision.events, report)
    return Decided(replica.id, replica.decider, task, None, None, answer=answer)


def _note(
    task: Task,
    outcome: Outcome,
    report: MergeReport | None,
    written: Command | None,
    refusal: tuple[str, str, Mapping[str, Scalar]] | None = None,
) -> bytes:
    """Pack the note of an entry; its digest tells a retry from another command."""
    sender, command = task.sender, task.command
    return note.pack(
        sender.who, sender.session, sender.seen, type(command).__name__,
        note.digest(command) if task.retry else None, outcome, task.metadata, report, refusal,
        None if written is None else codec.pack(written),
    )  # fmt: skip
