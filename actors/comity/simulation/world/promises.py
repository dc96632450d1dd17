"""Checks that the engine has kept its promises in a world; they hold for every domain.

No receipt is lost. Nothing takes effect twice. The same id gets the same answer, refusals too.
Every state that was shown is the fold of events that are durable. What a sender has sent is decided
in order, and never on a state that is older than what was told already.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import ComityError, IdReused, NotExecuted
from comity.engine.history import history
from comity.engine.history.digest import same
from comity.engine.history.note import Note
from comity.engine.journal.journal import Journal
from comity.engine.journal.record import Record
from comity.engine.merging.decider import AnyDecider
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.refusals import Refused
from comity.simulation.world.broken import PromiseBroken, hold
from comity.simulation.world.ledger import Ledger, Looked, Sent


def check(journal: Journal, ledger: Ledger) -> None:
    """Check all promises about commands, answers and states.

    Raises:
        PromiseBroken: one is broken.
    """
    check_journal(journal)
    for one in ledger.answered():
        _check_answer(journal, one)
    _check_same_answers(ledger.sent)
    _check_orders(journal, ledger.sent)
    _check_looks(journal, ledger.looked)


def check_journal(journal: Journal) -> None:
    """Check that positions and versions have no gaps, and that no id is there twice."""
    position, versions, ids = 0, Counter[AggregateId](), set[str]()
    for record in journal.read_all():
        hold(record.position >= position, f"position {position} has two events")
        hold(
            record.version == versions[record.aggregate],
            f"{record.aggregate} has no event {versions[record.aggregate] + 1}",
        )
        hold(record.command_id not in ids, f"command {record.command_id} took effect twice")
        position = record.last_position
        versions[record.aggregate] = record.last_version
        ids.add(record.command_id)


def _check_answer(journal: Journal, one: Sent) -> None:
    """An answer is what the journal has of its command."""
    record, answer = journal.find(one.id), one.answer
    if isinstance(answer, NotExecuted):
        return  # a retry of it may have been executed
    if isinstance(answer, IdReused):
        kept = record and Note.unpack(record.note)
        mine = record and kept and record.aggregate == one.aggregate
        fits = mine and kept and same(one.command, kept)
        hold(record and not fits, f"{one.id} is said to be another command's id, and is not")
    if not isinstance(answer, (Receipt, Refused)):
        return
    expected = None if record is None else _expected(one.decider, record)
    if _told(answer) != _told(expected):
        there = "does not have it" if expected is None else f"has {_brief(expected)}"
        msg = f"{one.command!r} ({one.id}) was answered {_brief(answer)}, and the journal {there}"
        raise PromiseBroken(msg)


def _expected(decider: AnyDecider, record: Record) -> Receipt[Any] | ComityError:
    """The answer to a command, from its record."""
    kept = Note.unpack(record.note)
    refusal = kept.refused(decider.decide.__module__)
    if refusal is not None:
        hold(not record.events, f"command {record.command_id} was refused, and has events")
        return refusal
    events = tuple(one.event for one in history.recorded(decider, record))
    return Receipt(
        record.command_id, record.aggregate, kept.outcome, record.last_version,
        record.last_position, events, kept.command, kept.who, kept.seen, kept.report, kept.session,
        kept.rules_revision,
    )  # fmt: skip


def _told(answer: Receipt[Any] | ComityError | None) -> object:
    """All that an answer says; a refusal's decisive event is only found when somebody asks."""
    if not isinstance(answer, Refused):
        return answer
    report = answer.report.model_copy(update={"decisive": None})
    return type(answer), str(answer), vars(answer).get("fields"), report


def _brief(answer: Receipt[Any] | ComityError) -> str:
    if isinstance(answer, Receipt):
        return f"{answer.outcome} at version {answer.version}, position {answer.position}"
    return f"{type(answer).__name__}: {answer}"


def _check_same_answers(sent: Iterable[Sent]) -> None:
    """A command that was sent several times has one answer."""
    first: dict[tuple[str, AggregateId], Sent] = {}
    for one in sent:
        if isinstance(one.answer, (Receipt, Refused)):
            other = first.setdefault((one.id, one.aggregate), one)
            if other is not one and _told(one.answer) != _told(other.answer):
                msg = f"{one.command!r} ({one.id}): answered {other.answer!r}, and {one.answer!r}"
                raise PromiseBroken(msg)


def _check_orders(journal: Journal, sent: Iterable[Sent]) -> None:
    """What a session sends to an aggregate in one process is decided in that order.

    And nothing is decided on a state that is older than one that somebody had been told of.
    """
    times = Counter(one.id for one in sent)
    last: dict[tuple[str, str, AggregateId], int] = defaultdict(int)
    for one in sent:
        if not isinstance(one.answer, (Receipt, Refused)) or times[one.id] > 1:
            continue  # of those sent again, the later one may have come first
        record = journal.find(one.id)
        assert record is not None
        hold(record.version >= one.floor, f"{one.id} was decided on a state older than was told")
        line = one.process.name, one.session, one.aggregate
        hold(record.version >= last[line], f"{one.id} overtook its own session")
        last[line] = record.last_version


def _check_looks(journal: Journal, looked: Iterable[Looked]) -> None:
    """Every state that was shown is the fold of the events up to its version."""
    several: dict[AggregateId, list[Looked]] = defaultdict(list)
    for one in looked:
        several[one.aggregate].append(one)
        hold(one.view.version >= one.floor, f"{one.aggregate} was shown older than was told before")
    for aggregate, looks in several.items():
        looks.sort(key=lambda one: one.view.version)
        decider, version = looks[0].decider, 0
        state = decider.initial()
        for record in journal.read(aggregate):
            for event, at in history.events_of(decider, record, 0):
                _check_shown(looks, state, version)
                state, version = decider.evolve(state, event, at), at.version
        _check_shown(looks, state, version)
        hold(not looks, f"{aggregate} was shown at a version that it never had: {looks[:1]!r}")


def _check_shown(looks: list[Looked], state: object, version: int) -> None:
    while looks and looks[0].view.version == version:
        one = looks.pop(0)
        if one.view.state != state:
            shown = f"{one.aggregate} was shown at version {version} as {one.view.state!r}"
            msg = f"{shown}, and its events give {state!r}"
            raise PromiseBroken(msg)
