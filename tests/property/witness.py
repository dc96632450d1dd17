"""The journal as witness: whether all that was answered fits one serial order, and is the truth."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from tests.property.office import Office, OfficeEvent, evolve, office
from tests.property.story import KEYS, Sent, Story

from comity.engine import (
    AggregateId,
    ComityError,
    Happened,
    Meeting,
    Outcome,
    Receipt,
    Refused,
    Sender,
    matrix,
    merge,
)
from comity.engine.history import happened
from comity.engine.journal import Journal, Record

MATRIX = matrix(office)


class Broken(AssertionError):
    """A promise is broken."""


def check(story: Story) -> Counter[str]:
    """Check the whole story; how often what was checked occurred.

    Raises:
        Broken: something does not hold.
    """
    seen: Counter[str] = Counter()
    _no_gaps(story.journal)
    for key in KEYS:
        aggregate = AggregateId("office", key)
        past = list(story.journal.read(aggregate))
        sent = [one for one in story.sent if one.key == key]
        seen += _answers_are_the_truth(story.journal, past, sent)
        seen += _orders_are_kept(story.journal, sent)
        seen += _commuting_pairs_commute(past, {one.pending.id: one for one in sent})
    return seen


def _no_gaps(journal: Journal) -> None:
    position, versions, ids = 0, Counter[AggregateId](), set[str]()
    for record in journal.read_all():
        _hold(record.position == position, f"position {position} is followed by {record.position}")
        _hold(
            record.version == versions[record.aggregate], f"{record.aggregate}: versions have a gap"
        )
        _hold(record.command_id not in ids, f"command {record.command_id} took effect twice")
        position += len(record.events)
        versions[record.aggregate] += len(record.events)
        ids.add(record.command_id)


def _answers_are_the_truth(
    journal: Journal, past: Sequence[Record], sent: Sequence[Sent]
) -> Counter[str]:
    """Each answer is what merging gives, alone and in the journal's order, for that command."""
    seen: Counter[str] = Counter()
    events = [one for record in past for one in happened(office, record)]
    states = _states(events)
    for one in sent:
        record = journal.find(one.pending.id)
        _hold(record is not None, f"{one.command!r} was answered and not recorded")
        assert record is not None
        version = record.version
        since: Sequence[Happened[OfficeEvent]] = (
            () if one.seen is None else events[one.seen : version]
        )
        sender = Sender(one.session.who, one.session.id, one.seen)
        expected: object
        try:
            decision = merge(
                office, copy.deepcopy(states[version]), version, one.command, sender, since
            )
            expected = (decision.outcome, decision.events)
        except Refused as refusal:
            expected = (refusal.report.outcome, ())
        answer = one.answer
        _hold(
            _told(answer) == expected,
            f"{one.command!r}: answered {answer!r}, the truth is {expected}",
        )
        if isinstance(answer, Receipt):
            stands = (record.version + len(record.events), record.position + len(record.events))
            _hold((answer.version, answer.position) == stands, f"{answer!r} stands at {stands}")
        else:
            _hold(not record.events, f"{one.command!r} was refused, and happened")
        if one.first is not None:
            seen["retried"] += 1
            _hold(_told(one.first.answer) == _told(answer), "a retry got another answer")
        seen[str(_told(answer)[0])] += 1
    return seen


def _orders_are_kept(journal: Journal, sent: Sequence[Sent]) -> Counter[str]:
    """A session's commands are decided in the order they were sent, and so in real time."""
    decided = {one.pending.id: journal.find(one.pending.id) for one in sent}
    firsts = [(one, decided[one.pending.id]) for one in sent if one.first is None]
    last: dict[str, int] = defaultdict(int)
    for one, record in firsts:
        assert record is not None
        _hold(record.version >= last[one.session.id], f"{one.command!r} overtook its own session")
        last[one.session.id] = record.version + len(record.events)
    for one, record in firsts:
        for later, after in firsts:
            if one.answered is not None and later.step > one.answered:
                assert record is not None
                assert after is not None
                end = record.version + len(record.events)
                _hold(after.version >= end, f"{later.command!r} was decided before an older answer")
    return Counter({"ordered": len(firsts)})


def _commuting_pairs_commute(past: Sequence[Record], sent: dict[str, Sent]) -> Counter[str]:
    """A command merged over the one before it gives the same state in the other order."""
    seen: Counter[str] = Counter()
    events = [one for record in past for one in happened(office, record)]
    states = _states(events)
    for before, after in pairwise(past):
        one, other = sent[before.command_id], sent[after.command_id]
        unseen = other.seen is not None and other.seen <= before.version
        if not unseen or one.session.id == other.session.id or not _commute(one, other):
            continue
        there = _both(states[before.version], one, other)
        back = _both(states[before.version], other, one)
        if there is None or back is None:
            continue  # a business rule that has an order refused one of them
        _hold(there == back, f"{one.command!r} and {other.command!r} do not commute")
        seen["commuting"] += 1
    return seen


def _commute(one: Sent, other: Sent) -> bool:
    answers = one.answer, other.answer
    if not all(isinstance(answer, Receipt) for answer in answers):
        return False
    if any(_told(answer)[0] is Outcome.REBASED for answer in answers):
        return False  # what was done is not what was sent
    return all(
        MATRIX.cell(type(mine.command), type(event)).meeting is not Meeting.CLASHES
        for mine, theirs in ((one, other), (other, one))
        for event in _told(theirs.answer)[1]
    )


def _both(state: Office, one: Sent, other: Sent) -> Office | None:
    state = copy.deepcopy(state)
    for sent in (one, other):
        try:
            decision = merge(office, state, 0, sent.command, Sender())
        except Refused:
            return None
        state = office.fold(state, decision.events)
    return state


def _states(events: Sequence[Happened[OfficeEvent]]) -> list[Office]:
    states = [Office()]
    for one in events:
        states.append(evolve(copy.deepcopy(states[-1]), one.event))
    return states


def _told(answer: Receipt[OfficeEvent] | ComityError) -> tuple[object, tuple[OfficeEvent, ...]]:
    if isinstance(answer, Receipt):
        return answer.outcome, answer.events
    if isinstance(answer, Refused):
        return answer.report.outcome, ()
    return type(answer).__name__, ()


def _hold(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion
    if not condition:
        raise Broken(otherwise)
