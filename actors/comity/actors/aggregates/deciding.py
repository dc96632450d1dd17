"""Merges and decides one command on one state, and evolves the state. The actor calls it.

It applies the pure rules of `comity.engine.merging` and packs the entry for the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from comity.actors.aggregates.explanation import explanation
from comity.engine.errors import Invalid
from comity.engine.history.digest import digest
from comity.engine.history.note import fold
from comity.engine.journal.entry import pack_entry
from comity.engine.merging.merge import Decision, merge, straight
from comity.engine.merging.receipt import Preview
from comity.engine.merging.refusals import Refused, Rejected, Scalar
from comity.engine.merging.report import MergeReport, Outcome
from comity.engine.merging.sent import Sent, sent_by
from comity.engine.messages import codec
from comity.engine.text import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comity.actors.aggregates.decided_turn import DecidedTurn
    from comity.actors.aggregates.replica import Replica
    from comity.actors.aggregates.task import Task
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.message import Event

_UNTOLD: Final = Sent()
"""For a `decide` that does not take `sent`."""


def decide(replica: Replica, task: Task, now: int, turn: DecidedTurn) -> None:
    """Decide the command, note the decision in its task, and add it to the turn.

    Args:
        replica: the state, and the events that the sender has not seen. It gets the new events.
        task: the command; a preview changes nothing.
        now: the time of the decision, in microseconds since 1970.
        turn: gets the task and its packed entry.

    Raises:
        Behind: the sender has seen events of another process that the replica does not have.
        FromTheFuture: the sender's `seen` is a version that does not exist.
        Invalid: an event cannot be stored.
        DeciderFailed: the domain's code has a bug; the state may be half changed.
    """
    task.rules_revision = replica.decider.rules_revision
    if task.preview or not replica.is_seen_by(task.sender):
        _merge(replica, task, now, turn)
    else:
        _go_straight(replica, task, now, turn)


def _go_straight(replica: Replica, task: Task, now: int, turn: DecidedTurn) -> None:
    """Decide a command whose sender has seen all events, or made the others itself."""
    decider, sender = replica.decider, task.sender
    sent = sent_by(sender, now, task.id, task.metadata) if decider.takes_sent else _UNTOLD
    try:
        events = straight(decider, replica.state, replica.version, task.command, sender, sent)
    except Refused as refusal:
        _refuse(replica, task, now, turn, refusal)
        return
    outcome = Outcome.APPLIED if events else Outcome.UNCHANGED
    entry = _pack(decider, task, now, events, _note(replica, task, outcome))
    replica.apply(events, entry, sender, now)
    task.decided(outcome, events, replica.version, now)
    turn.add(task, entry)


def _merge(replica: Replica, task: Task, now: int, turn: DecidedTurn) -> None:
    """Decide a command whose sender has not seen some events, or try a preview."""
    sender, command = task.sender, task.command
    since = replica.since(sender.seen)
    sent = sent_by(sender, now, task.id, task.metadata)
    if since and not task.preview:
        turn.depend(len(since[-1].dropped))
    try:
        decision = merge(replica.decider, replica.state, replica.version, command, sent, since)
    except Refused as refusal:
        _refuse(replica, task, now, turn, refusal)
        return
    if task.preview:
        _preview(replica, task, turn, decision)
        return
    outcome, events, became, report = decision
    # The sender's next commands depend on the command as it was sent, even if it gave no events.
    dropped = not events and bool(sender.session and report and report.rule)
    written = command if dropped or (events and became is not command) else None
    note = _note(replica, task, outcome, report, written=written)
    entry = _pack(replica.decider, task, now, events, note, lasting=dropped)
    if dropped:
        replica.drop(sender, command)
    replica.apply(events, entry, sender, now, written)
    task.decided(outcome, events, replica.version, now, report)
    turn.add(task, entry)
    if dropped:
        turn.make_lasting()


def _refuse(replica: Replica, task: Task, now: int, turn: DecidedTurn, refusal: Refused) -> None:
    refusal.__traceback__ = None  # it would keep merging's objects in memory
    report, explain, command = refusal.report, None, task.command
    outcome = report.outcome
    if report.unseen and outcome is Outcome.REJECTED:
        sent = sent_by(task.sender, now, task.id, task.metadata)
        explain = explanation(replica.journal, replica.decider, replica.id, command, sent)
    if task.preview:
        task.tried(Preview(outcome, replica.version, (), report, explain))
        turn.add_preview(task)
        return
    refusal.attach(report, explain)
    fields: Mapping[str, Scalar] = refusal.fields if isinstance(refusal, Rejected) else {}
    code = refusal.code if isinstance(refusal, Rejected) else type(refusal).__name__
    note = _note(replica, task, outcome, report, (code, refusal.said, fields))
    entry = _pack(replica.decider, task, now, (), note)
    task.decided(outcome, (), replica.version, now, report, refusal)
    turn.add(task, entry)


def _preview(
    replica: Replica, task: Task, turn: DecidedTurn, decision: Decision[Command, Event]
) -> None:
    report = decision.report or MergeReport(
        outcome=decision.outcome, command=task.command.stored_as, who=task.sender.who,
        seen=task.sender.seen, version=replica.version, rules_revision=task.rules_revision,
    )  # fmt: skip
    task.tried(Preview(decision.outcome, replica.version, decision.events, report))
    turn.add_preview(task)


def _note(
    replica: Replica,
    task: Task,
    outcome: Outcome,
    report: MergeReport | None = None,
    refusal: tuple[str, str, Mapping[str, Scalar]] | None = None,
    written: Command | None = None,
) -> tuple[object, ...]:
    """Return the note of an entry; its digest tells a retry from another command.

    Raises:
        Invalid: the command is to be kept, and cannot be packed.
    """
    who, session, seen = task.sender
    command, rules = task.command, task.rules_revision
    checksum = sent = more = None
    if task.retry or rules or written is not None or replica.keep_commands:
        checksum = digest(command) if task.retry else None
        sent = None if written is None else codec.pack(written)
        kept = codec.pack(command) if replica.keep_commands and sent is None else None
        said = checksum is not None or sent is not None or kept is not None
        more = command.schema_version if said else None, rules or None, kept
    return fold(
        who, session, seen, command.stored_as, checksum, outcome, task.metadata, report, refusal,
        sent, more,
    )  # fmt: skip


def _pack(
    decider: AnyDecider,
    task: Task,
    now: int,
    events: Sequence[Event],
    note: tuple[object, ...],
    *,
    lasting: bool = False,
) -> bytes:
    """Pack the command's entry with one call.

    Raises:
        Invalid: an event cannot be packed, or is too large.
    """
    try:
        entry = pack_entry(task.id, now, decider.stored(events), note, lasting)
    except (ValueError, TypeError, OverflowError) as error:
        # A custom validator may have accepted any object.
        _check_each(events)
        msg = f"{type(task.command).__name__} cannot be recorded: {told(error)}"
        raise Invalid(msg) from None
    if len(entry) > codec.MAX_PAYLOAD:
        _check_each(events)
    return entry


def _check_each(events: Sequence[Event]) -> None:
    """Check that each event can be packed and is not too large; raises `Invalid`."""
    for event in events:
        codec.pack(event)
