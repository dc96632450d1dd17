"""A journal keeps commands as they were sent, and the revision of the rules that decided them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from tests.actors.notebook import (
    LIMIT,
    Notebook,
    NotebookCommand,
    NotebookEvent,
    Stamp,
    Write,
    decide,
    evolve,
    notebook,
)
from tests.actors.shelf import until

from comity.actors import Domain, Pending
from comity.engine import (
    Command,
    Decider,
    Event,
    Invalid,
    MergeReport,
    Outcome,
    Receipt,
    Recorded,
    Refused,
    WiringError,
    give_way,
    overwrite,
    whole_aggregate,
    with_rules,
)
from comity.engine.checking.checked import checked
from comity.engine.history import history
from comity.engine.history.note import Note
from comity.engine.journal.memory_journal import MemoryJournal

FIRST, SECOND = Write(page="p", text="first"), Write(page="p", text="second")
TOO_LONG = Write(page="p", text="x" * (LIMIT + 1))


class Revisions:
    """A listener that collects the revisions of the rules."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        self.heard += [one.rules_revision for one in batch]


class Kept(MemoryJournal):
    """A journal that can be read after its domain is closed."""

    def close(self) -> None: ...


@pytest.fixture
def journal() -> MemoryJournal:
    return Kept()


def sent(domain: Domain, command: NotebookCommand, seen: int | None = None) -> Outcome:
    """Send a command to the notebook a, and return its outcome."""
    try:
        return domain.aggregate(notebook, "a").send(command, seen=seen).result(60).outcome
    except Refused as refusal:
        return refusal.report.outcome


def kept(journal: MemoryJournal) -> list[tuple[Outcome, object]]:
    """Return the outcome of each record, and the command that the journal keeps of it."""
    return [
        (Note.unpack(record.note).outcome, history.kept(notebook, record))
        for _, record in journal.read_every()
    ]


def test_every_command_is_kept_as_it_was_sent(journal: MemoryJournal) -> None:
    with Domain(journal, deciders=[notebook], keep_commands=True) as domain:
        sent(domain, FIRST)
        sent(domain, FIRST)
        sent(domain, TOO_LONG)
        sent(domain, Stamp(page="p", stamps=1), seen=0)
        sent(domain, SECOND, seen=0)
    assert kept(journal) == [
        (Outcome.APPLIED, FIRST),
        (Outcome.UNCHANGED, FIRST),
        (Outcome.REJECTED, TOO_LONG),
        (Outcome.MERGED, Stamp(page="p", stamps=1)),
        (Outcome.CONFLICTED, SECOND),
    ]


@pytest.mark.parametrize("rule", [overwrite, give_way])
def test_what_a_rule_changed_or_dropped_is_kept_once(
    journal: MemoryJournal, rule: Callable[..., Command | None]
) -> None:
    ruled = with_rules(notebook, {Write: rule})
    with Domain(journal, deciders=[ruled], keep_commands=True) as domain:
        sent(domain, FIRST)
        domain.session("ann", id="s").aggregate(notebook, "a").send(SECOND, seen=0).result(60)
    assert [command for _, command in kept(journal)] == [FIRST, SECOND]
    notes = [Note.unpack(record.note) for _, record in journal.read_every()]
    assert all((note.sent is None) != (note.kept is None) for note in notes)


def test_a_domain_keeps_no_commands_unless_it_is_told_to(journal: MemoryJournal) -> None:
    with Domain(journal, deciders=[notebook]) as domain:
        sent(domain, FIRST)
        sent(domain, TOO_LONG)
    assert [command for _, command in kept(journal)] == [None, None]


def test_a_preview_keeps_nothing(journal: MemoryJournal) -> None:
    with Domain(journal, deciders=[notebook], keep_commands=True) as domain:
        domain.aggregate(notebook, "a").preview(FIRST)
    assert kept(journal) == []


def test_a_kept_command_whose_class_is_gone_says_so(journal: MemoryJournal) -> None:
    def only_stamps(state: Notebook, command: Stamp) -> Iterator[NotebookEvent]:
        yield from decide(state, command)

    stamping = Decider("notebook", Notebook, only_stamps, evolve)
    with Domain(journal, deciders=[notebook], keep_commands=True) as domain:
        sent(domain, FIRST)
    ((_, record),) = journal.read_every()
    with pytest.raises(Invalid, match="Write"):
        history.kept(stamping, record)


# --- the revision of the rules --------------------------------------------------------------------


MARCH = Decider("notebook", Notebook, decide, evolve, rules_revision="2027-03")
POLICIES = [MARCH, with_rules(MARCH, {Write: overwrite}), whole_aggregate(MARCH), checked(MARCH)]


@pytest.mark.parametrize("decider", POLICIES, ids=["plain", "with_rules", "whole", "checked"])
def test_each_record_keeps_the_revision_of_its_rules(
    journal: MemoryJournal, decider: Decider[Notebook, NotebookCommand, NotebookEvent]
) -> None:
    with Domain(journal, deciders=[decider]) as domain:
        handle = domain.aggregate(decider, "a")
        handle.send(FIRST).result(60)
        handle.send(Stamp(page="p", stamps=1)).result(60)
    revisions = [Note.unpack(record.note).revision for _, record in journal.read_every()]
    assert revisions == ["2027-03", "2027-03"]


def test_history_and_listeners_tell_the_revision(journal: MemoryJournal) -> None:
    with Domain(journal, deciders=[notebook]) as domain:
        sent(domain, FIRST)
    listener = Revisions()
    with Domain(journal, deciders=[MARCH]) as domain:
        handle = domain.aggregate(MARCH, "a")
        domain.listen(listener)
        handle.send(SECOND).result(60)
        assert [one.rules_revision for one in domain.history(handle)] == ["", "2027-03"]
        assert until(lambda: listener.heard == ["", "2027-03"])


def test_every_report_names_the_revision(journal: MemoryJournal) -> None:
    with Domain(journal, deciders=[MARCH]) as domain:
        handle = domain.aggregate(MARCH, "a")
        reports: list[MergeReport] = [
            handle.preview(FIRST).result(60).report,
            handle.send(FIRST).result(60).report,
            handle.send(Stamp(page="p", stamps=1), seen=0).result(60).report,
            refused(handle.send(SECOND, seen=0)),
            refused(handle.send(TOO_LONG)),
        ]
    assert [report.rules_revision for report in reports] == ["2027-03"] * 5
    assert all(report.sentence().endswith(" (rules 2027-03)") for report in reports)


def test_a_retry_gets_the_revision_that_decided_first(journal: MemoryJournal) -> None:
    with Domain(journal, deciders=[notebook]) as domain:
        first = domain.aggregate(notebook, "a").send(FIRST, id="x").result(60)
        refused(domain.aggregate(notebook, "a").send(TOO_LONG, id="y"))
    with Domain(journal, deciders=[MARCH]) as domain:
        handle = domain.aggregate(MARCH, "a")
        assert handle.send(FIRST, id="x").result(60) == first
        assert refused(handle.send(TOO_LONG, id="y")).rules_revision == ""


@pytest.mark.parametrize("revision", [3, None, b"2027", "x" * 201, "\ud800"])
def test_a_revision_is_a_short_text(revision: str) -> None:
    with pytest.raises(WiringError, match="notebook: rules_revision"):
        Decider("notebook", Notebook, decide, evolve, rules_revision=revision)


def refused(pending: Pending[Receipt[NotebookEvent]]) -> MergeReport:
    """Return the report of a refusal."""
    with pytest.raises(Refused) as caught:
        pending.result(60)
    return caught.value.report
