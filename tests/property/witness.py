"""The journal as witness: whether all that was answered fits one serial order, and is the truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Protocol

from tests.property.oracle import after, verdict
from tests.property.story import KEYS, Sent, SlowJournal, Tried
from tests.support.party import Party, PartyEvent, party

from comity.engine import (
    AggregateId,
    ComityError,
    Happened,
    IdReused,
    Meeting,
    MergeReport,
    Outcome,
    Preview,
    Receipt,
    Refused,
    matrix,
)
from comity.engine.history.history import happened
from comity.engine.history.note import Note
from comity.engine.journal.journal import Journal
from comity.engine.journal.record import Record

MATRIX = matrix(party)


class Broken(AssertionError):
    """A promise is broken."""


def hold(condition: object, otherwise: str) -> None:
    """Say what is broken, unless it holds."""
    if not condition:
        raise Broken(otherwise)


class Played(Protocol):
    """A story that was played to the end."""

    sent: list[Sent]
    tried: list[Tried]

    @property
    def journal(self) -> Journal:
        """All that is durable."""
        ...

    def may_end(self, answer: ComityError) -> bool:
        """Whether this error is an answer that the story's faults explain."""
        ...


def check(story: Played) -> Counter[str]:
    """Check the whole story; how often what was checked occurred.

    Raises:
        Broken: something does not hold.
    """
    check_no_gaps(story.journal)
    check_ids(story)
    counted: Counter[str] = Counter()
    for key in KEYS:
        past = Past(story, key)
        for check_one in (check_answers, check_previews, check_orders, check_commuting):
            counted += check_one(story, past)
    if isinstance(story.journal, SlowJournal):
        counted += story.journal.seen
    return counted


class Past:
    """What the journal says of one aggregate: its events, and its state at every version."""

    def __init__(self, story: Played, key: str) -> None:
        self.key = key
        read = list(story.journal.read(AggregateId("party", key)))
        self.records: list[Record] = [record for record in read if record.events]
        self.events = happened(party, read)
        self.made: dict[str, tuple[PartyEvent, ...]] = {}
        """The events of each command."""
        for record in self.records:
            made = self.events[record.version : record.last_version]
            self.made[record.command_id] = tuple(one.event for one in made)
        self.states = [Party()]
        for event in self.events:
            self.states.append(after(self.states[-1], [event.event]))
        sent = [one for one in story.sent if one.key == key and not one.reused]
        self.sent = [one for one in sent if is_decided(one)]
        """What was decided, and its sender knows it."""
        self.senders: dict[str, list[Sent]] = defaultdict(list)
        """Who sent the command of an id, the first of them first."""
        for one in sent:
            self.senders[one.pending.id].append(one)

    def since(self, seen: int | None, version: int) -> Sequence[Happened[PartyEvent]]:
        """What happened after a sender looked, up to this version."""
        return () if seen is None else self.events[seen:version]


def check_no_gaps(journal: Journal) -> None:
    """Positions and versions count up, and no command takes effect twice."""
    position, versions, ids = 0, Counter[AggregateId](), set[str]()
    for record in journal.read_all():
        hold(record.position == position, f"position {position}: followed by {record.position}")
        hold(record.version == versions[record.aggregate], f"{record.aggregate} has a gap")
        hold(record.command_id not in ids, f"command {record.command_id} took effect twice")
        position += len(record.events)
        versions[record.aggregate] += len(record.events)
        ids.add(record.command_id)


def check_ids(story: Played) -> None:
    """A retry gets the first answer, another command none, and a refusal is never applied."""
    applied = {record.command_id for record in story.journal.read_all()}
    for one in story.sent:
        if one.lost or (isinstance(one.answer, ComityError) and story.may_end(one.answer)):
            continue
        if one.reused:
            hold(isinstance(one.answer, IdReused), f"a used id was answered {one.answer!r}")
            continue
        if not is_decided(one):
            raise Broken(f"{one.command!r}: answered {one.answer!r}")
        if isinstance(one.answer, Refused) and one.pending.id in applied:
            raise Broken(f"{one.command!r} was refused, and happened")
        first = one.first
        if first and is_decided(first) and told(first.answer) != told(one.answer):
            raise Broken(f"{one.command!r}: {told(first.answer)}, again {told(one.answer)}")


def is_decided(one: Sent) -> bool:
    """Whether the sender knows what became of it."""
    return not one.lost and isinstance(one.answer, (Receipt, Refused))


def told(answer: Receipt[PartyEvent] | ComityError) -> object:
    """All that an answer says; which event was decisive is only found while the domain is open."""
    if isinstance(answer, Receipt):
        return answer
    assert isinstance(answer, Refused)
    report = answer.report.model_copy(update={"decisive": None})
    return type(answer), str(answer), vars(answer).get("fields"), report


def check_answers(story: Played, past: Past) -> Counter[str]:
    """Each answer is what must become of that command, alone and in the journal's order."""
    counted: Counter[str] = Counter()
    for one in past.sent:
        record = story.journal.find(one.pending.id)
        if record is None:
            raise Broken(f"{one.command!r} was answered, and is not recorded")
        session, version = Note.unpack(record.note).session, record.version
        report = report_of(one.answer)
        claimed = {sent.seen for sent in past.senders[record.command_id] if sent.session == session}
        if not ({None, report.seen} & claimed):
            raise Broken(f"{one.command!r} was told what it had not seen")
        since = past.since(report.seen, version)
        expected = verdict(past.states[version], one.command, session, since)
        answer = report.outcome, events_of(one.answer)
        if answer != expected:
            raise Broken(f"{one.command!r}: answered {answer}, should be {expected}")
        if report.version != version:
            raise Broken(f"{report!r} is about version {version}")
        stands = version + len(record.events), record.position + len(record.events)
        if isinstance(one.answer, Receipt):
            hold((one.answer.version, one.answer.position) == stands, f"stands at {stands}")
        counted[str(report.outcome)] += 1
        counted["retried"] += one.first is not None
    return counted


def report_of(answer: Receipt[PartyEvent] | ComityError) -> MergeReport:
    """Why it ended so."""
    assert isinstance(answer, (Receipt, Refused))
    return answer.report


def events_of(answer: Receipt[PartyEvent] | ComityError) -> tuple[PartyEvent, ...]:
    """What happened."""
    return answer.events if isinstance(answer, Receipt) else ()


def check_previews(story: Played, past: Past) -> Counter[str]:
    """A preview says what would have become of the command on a state that came about."""
    counted: Counter[str] = Counter()
    for one in story.tried:
        answer = one.pending.answer()
        if one.key != past.key or (isinstance(answer, ComityError) and story.may_end(answer)):
            continue
        hold(isinstance(answer, Preview), f"a preview was answered {answer!r}")
        assert isinstance(answer, Preview)
        if answer.version >= len(past.states):
            raise Broken(f"{answer!r} is about a state that never was")
        since = past.since(answer.report.seen, answer.version)
        expected = verdict(past.states[answer.version], one.command, one.session, since)
        if (answer.outcome, answer.events) != expected:
            raise Broken(f"{answer!r}, should be {expected}")
        counted["tried"] += 1
    return counted


def check_orders(story: Played, past: Past) -> Counter[str]:
    """A session's commands are decided in the order it sent them, and so in real time.

    Less those that somebody else sent as well: perhaps those came first.
    """
    firsts = [one for one in past.sent if one.first is None and alone(past, one)]
    spans = [span(story.journal, one) for one in firsts]
    last: dict[str, int] = defaultdict(int)
    for one, (begin, end) in zip(firsts, spans, strict=True):
        if begin < last[one.session]:
            raise Broken(f"{one.command!r} overtook its own session")
        last[one.session] = end
    for one, (_, end) in zip(firsts, spans, strict=True):
        for later, (begin, _) in zip(firsts, spans, strict=True):
            if one.answered is not None and later.step > one.answered and begin < end:
                raise Broken(f"{later.command!r} was decided before an older answer")
    return Counter({"ordered": len(firsts)})


def alone(past: Past, one: Sent) -> bool:
    """Whether nobody else sent it."""
    return len({sent.session for sent in past.senders[one.pending.id]}) == 1


def span(journal: Journal, one: Sent) -> tuple[int, int]:
    """The aggregate's versions before and after the command."""
    record = journal.find(one.pending.id)
    assert record is not None
    return record.version, record.version + len(record.events)


def check_commuting(story: Played, past: Past) -> Counter[str]:
    """A merged command and what it was merged over give the same state in the other order."""
    counted: Counter[str] = Counter()
    session_of = {one.version: one.session for one in past.events}
    for number, record in enumerate(past.records):
        one = past.senders[record.command_id][0]
        if not is_decided(one):
            continue
        report, session = report_of(one.answer), session_of[record.version + 1]
        if report.outcome is not Outcome.MERGED or report.seen is None:
            continue
        for other in reversed(past.records[:number]):
            if other.version < report.seen or session_of[other.version + 1] == session:
                break
            theirs = past.made[other.command_id]
            mine = past.made[record.command_id]
            before = past.states[other.version]
            there, back = after(before, theirs + mine), after(before, mine + theirs)
            if there != back:
                raise Broken(f"{one.command!r} does not commute with {theirs}")
            cells = [MATRIX.cell(type(one.command), type(event)) for event in theirs]
            declared = all(cell.meeting is not Meeting.CLASHES for cell in cells)
            counted["commuting by the matrix" if declared else "commuting by chance"] += 1
    return counted
