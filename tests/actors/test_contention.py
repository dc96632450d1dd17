"""An aggregate that several processes write at the same time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest
from tests.actors.faulty_journal import foreign
from tests.actors.notebook import (
    MISCHIEF,
    Misbehave,
    Notebook,
    NotebookCommand,
    NotebookEvent,
    Stall,
    Stamp,
    Write,
    notebook,
    raising,
)
from tests.actors.shared_journal import SharedJournal

from comity.actors import Aggregate, Domain, Observer, Policy
from comity.actors.aggregates import contention
from comity.actors.aggregates.contention import Contention
from comity.actors.aggregates.task import Task
from comity.actors.observing.facts import Loaded
from comity.engine import (
    AggregateId,
    Conflicted,
    DeciderFailed,
    Expired,
    IdReused,
    Outcome,
    Quarantined,
    Receipt,
    StorageFailed,
)

Book = Aggregate[Notebook, NotebookCommand, NotebookEvent]

BOOK = AggregateId("notebook", "a")
STAMP = Stamp(page="p", stamps=1)


@pytest.fixture
def journal() -> SharedJournal:
    return SharedJournal()


@pytest.fixture
def domain(journal: SharedJournal) -> Iterator[Domain]:
    with Domain(journal, deciders=[notebook]) as opened:
        yield opened
    MISCHIEF.clear()


@pytest.fixture
def book(domain: Domain) -> Book:
    return domain.aggregate(notebook, "a")


@pytest.fixture
def other(journal: SharedJournal) -> Iterator[Book]:
    """The same notebook in another process."""
    with Domain(journal, deciders=[notebook]) as opened:
        yield opened.aggregate(notebook, "a")


@pytest.fixture
def contended(journal: SharedJournal, book: Book, monkeypatch: pytest.MonkeyPatch) -> Book:
    """The notebook, which another process has just written; it stays contended for this test."""
    monkeypatch.setattr(contention, "CONTENDED", 1000.0)
    journal.meddle = lambda: eve_writes(journal)
    book.do(STAMP)
    journal.meddle = None
    return book


def eve_writes(journal: SharedJournal) -> None:
    """Another process appends an event."""
    version = journal.version(BOOK)
    journal.really_append([foreign(f"eve-{version}", version)])


# --- being first ----------------------------------------------------------------------------------


def test_who_is_always_too_late_gets_its_turn_while_nobody_else_can_write(
    journal: SharedJournal, book: Book
) -> None:
    journal.meddle = lambda: eve_writes(journal)  # before each append: nothing is ever in time
    receipts = [book.do(STAMP) for _ in range(5)]
    assert [receipt.version for receipt in receipts] == [2, 3, 4, 5, 6]
    assert journal.stale == 1


def test_another_process_is_kept_away_only_for_a_while(
    journal: SharedJournal, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contention, "CONTENDED", 0.0)
    meddled: list[int] = []

    def now_and_then() -> None:
        meddled.append(len(meddled))
        if len(meddled) % 2:
            eve_writes(journal)

    journal.meddle = now_and_then
    assert [book.do(STAMP).version for _ in range(3)] == [2, 4, 6]
    assert (journal.stale, journal.often) == (3, 0)


def test_two_processes_write_one_aggregate_and_each_command_takes_effect_once(
    journal: SharedJournal, book: Book, other: Book
) -> None:
    versions: list[int] = []

    def send(to: Book) -> None:
        sent = [to.send(STAMP) for _ in range(300)]
        versions.extend(pending.result(60).version for pending in sent)

    threads = [threading.Thread(target=send, args=[one]) for one in (book, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(versions) == list(range(1, 601))
    assert book.look().state.stamps == {"p": 600}


def test_commands_of_one_sender_keep_their_order(
    journal: SharedJournal, contended: Book, other: Book
) -> None:
    threads = [threading.Thread(target=other.do, args=[STAMP]) for _ in range(20)]
    for thread in threads:
        thread.start()
    sent = [contended.send(STAMP) for _ in range(700)]  # more than a turn takes
    versions = [one.result(60).version for one in sent]
    for thread in threads:
        thread.join(60)
    assert versions == sorted(versions)


# --- what others have appended --------------------------------------------------------------------


def test_only_what_others_appended_is_read(journal: SharedJournal) -> None:
    loads: list[int] = []

    class Loads(Observer):
        def loaded(self, fact: Loaded) -> None:
            loads.append(fact.events)

    with Domain(journal, deciders=[notebook], observers=[Loads()]) as domain:
        book = domain.aggregate(notebook, "a")
        for _ in range(3):
            book.do(STAMP)
        for _ in range(2):
            eve_writes(journal)
        assert book.do(STAMP).version == 6
        assert book.preview(STAMP).result(60).version == 6
        eve_writes(journal)
        assert book.preview(Write(page="p", text="eve")).result(60).outcome is Outcome.UNCHANGED
    assert loads == [0, 2, 1]
    assert journal.stale == 0


def test_an_event_of_another_process_on_which_evolve_fails_is_met_again_after_a_rest(
    journal: SharedJournal, domain: Domain, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    book.do(Write(page="half", text="whole"))
    with Domain(journal, deciders=[notebook]) as elsewhere:
        elsewhere.aggregate(notebook, "a").do(Misbehave(name="bug", where="evolve"))
    MISCHIEF["bug"] = raising(ValueError("bug"))
    with pytest.raises(DeciderFailed, match="ValueError"):
        book.do(STAMP)
    del MISCHIEF["bug"]
    assert book.do(STAMP).version == 3
    assert domain.state(book).pages == {"half": "evolved"}


# --- sessions and ids -----------------------------------------------------------------------------


def test_a_retry_at_another_process_while_the_first_try_is_on_its_way_takes_effect_once(
    journal: SharedJournal, book: Book, other: Book
) -> None:
    receipts: list[Receipt[NotebookEvent]] = []

    def retried() -> None:
        journal.meddle = None
        receipts.append(other.do(STAMP, id="one"))

    journal.meddle = retried  # the sender has lost patience, and asks elsewhere
    receipts.append(book.do(STAMP, id="one"))
    assert [receipt.version for receipt in receipts] == [1, 1]
    assert book.version == 1


def test_an_id_that_another_process_has_used_meanwhile_is_no_other_commands(
    journal: SharedJournal, book: Book, other: Book
) -> None:
    def used() -> None:
        journal.meddle = None
        other.do(STAMP, id="one")

    journal.meddle = used
    with pytest.raises(IdReused):
        book.do(Write(page="p", text="x"), id="one")


@pytest.mark.parametrize("again", ["retry", "other"])
def test_a_contended_aggregate_knows_the_ids_of_all_processes(
    again: str, contended: Book, other: Book
) -> None:
    first = other.do(STAMP, id="one")
    if again == "retry":
        assert contended.do(STAMP, id="one") == first
    else:
        with pytest.raises(IdReused):
            contended.do(Write(page="p", text="x"), id="one")


@pytest.mark.parametrize("often", [False, True])
def test_a_session_goes_on_elsewhere_while_its_commands_are_on_their_way(
    often: bool,  # noqa: FBT001
    journal: SharedJournal,
    domain: Domain,
) -> None:
    here = domain.session("ann", id="s").aggregate(notebook, "a")
    with Domain(journal, deciders=[notebook]) as elsewhere:
        there = elsewhere.session("ann", id="s").aggregate(notebook, "a")
        bob = elsewhere.session("bob", id="t").aggregate(notebook, "a")
        answers: list[Receipt[NotebookEvent]] = []

        def go_on() -> None:
            journal.meddle = None
            answers.extend(there.do(Write(page="p", text=text), seen=0) for text in "abc")
            journal.meddle = go_on if often else None

        journal.meddle = go_on
        sent = [here.send(Write(page="p", text=text), seen=0) for text in "defghi"]
        answers += [one.result(60) for one in sent]
        journal.meddle = None
        assert {answer.outcome for answer in answers} == {Outcome.APPLIED}
        assert {answer.report.unseen for answer in answers} == {0}
        with pytest.raises(Conflicted):
            bob.do(Write(page="p", text="three"), seen=0)


# --- whatever else may happen in a contended aggregate --------------------------------------------


def test_previews_see_the_newest_state(journal: SharedJournal, contended: Book) -> None:
    eve_writes(journal)
    preview = contended.preview(STAMP).result(60)
    assert (preview.version, preview.outcome) == (3, Outcome.APPLIED)
    assert contended.version == 3


def test_a_failing_decider_fails_its_command_alone(
    contended: Book, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    MISCHIEF["bug"] = raising(ValueError("bug"))
    pendings = [contended.send(STAMP) for _ in range(3)]
    bug = contended.send(Misbehave(name="bug", where="evolve"))
    pendings += [contended.send(STAMP) for _ in range(3)]
    with pytest.raises(DeciderFailed):
        bug.result(60)
    assert [pending.result(60).version for pending in pendings] == [3, 4, 5, 6, 7, 8]


def test_failures_quarantine_it(journal: SharedJournal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    policy = Policy(failures=3, back_off=0.001, failure_window=300, quarantine=300)
    with Domain(journal, deciders=[notebook], policy=policy) as domain:
        book = domain.aggregate(notebook, "a")
        journal.meddle = lambda: eve_writes(journal)
        book.do(STAMP)
        MISCHIEF["bug"] = raising(ValueError("bug"))
        for _ in range(3):
            with pytest.raises(DeciderFailed):
                book.do(Misbehave(name="bug", where="decide"))
        with pytest.raises(Quarantined):
            book.do(STAMP)


def test_a_command_past_its_deadline_is_not_decided(contended: Book) -> None:
    stall = MISCHIEF["stall"] = Stall()
    held = contended.send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)
    late = contended.send(STAMP, deadline=0.01)
    with pytest.raises(Expired):
        late.result(60)
    stall.released.set()
    assert held.result(60).version == 3


def test_only_the_committer_decides_until_it_gives_the_aggregate_back(
    domain: Domain, contended: Book
) -> None:
    stall, second = Stall(), threading.Event()
    MISCHIEF.update(stall=stall, second=second.set)
    sent = [contended.send(Misbehave(name="stall", where="decide"))]
    assert stall.entered.wait(60)
    actor = domain._assembly.live.find(BOOK)  # pyright: ignore[reportPrivateUsage]
    actor.expect_others(0.0)  # it is not contended any more: it may soon decide by itself
    sent.append(contended.send(Misbehave(name="second", where="decide")))
    actor.wake()
    assert not second.wait(0.05)
    stall.released.set()
    assert [one.result(60).version for one in sent] == [3, 4]


def test_when_others_cannot_be_kept_away_the_senders_are_told_and_it_goes_on_afterwards(
    journal: SharedJournal, contended: Book, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.CRITICAL, logger="comity")
    down = StorageFailed("the disk is gone")

    def gone() -> None:
        raise down

    monkeypatch.setattr(journal, "recover", gone)
    journal.down = True
    with pytest.raises(StorageFailed, match="the disk is gone"):
        contended.do(STAMP)
    monkeypatch.undo()
    journal.down = False
    versions: list[int] = []
    while not versions:
        with suppress(StorageFailed):
            versions.append(contended.do(STAMP).version)
    assert versions == [3]


def test_closing_answers_all_that_is_on_its_way(journal: SharedJournal) -> None:
    domain = Domain(journal, deciders=[notebook])
    book = domain.aggregate(notebook, "a")
    journal.meddle = lambda: eve_writes(journal)
    pendings = [book.send(STAMP) for _ in range(600)]
    domain.close(timeout=60)
    assert [pending.result(0).version for pending in pendings] == list(range(2, 602))


# --- the bound ------------------------------------------------------------------------------------


class Clock:
    """A clock that a test puts forward."""

    time = 100.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> int:
        return int(self.time * 1e6)


class Decides:
    """An actor that takes so long to decide, and decides nothing."""

    durable, id = 0, BOOK

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds, self.until = clock, seconds, 0.0

    def begin_turn(self) -> list[Task]:
        return []

    def decide_alone(self, messages: Sequence[Task], until: float) -> None:
        self.until = until
        self.clock.time += self.seconds

    def expect_others(self, until: float) -> None:
        """Nothing."""

    def end_turn(self) -> None:
        """Nothing."""

    def nudge(self) -> None:
        """Nothing."""


def test_what_takes_too_long_waits_for_the_next_group(journal: SharedJournal) -> None:
    waiting = Contention(journal, clock := Clock())
    actors = [Decides(clock, 0.015) for _ in range(5)]
    for actor in actors:
        waiting.add(actor)
    rounds: list[int] = []
    while waiting:
        with waiting.decided([]):
            rounds.append(sum(actor.until > 0 for actor in actors))
    assert rounds == [2, 4, 5]


def test_a_turn_ends_when_others_have_waited_long_enough(
    journal: SharedJournal, contended: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contention, "MOST_SECONDS", 0.0)  # each turn takes its first command only
    before = journal.often
    sent = [contended.send(STAMP) for _ in range(10)]
    assert [one.result(60).version for one in sent] == list(range(3, 13))
    assert journal.often - before == 10


def test_a_slow_decision_that_holds_up_others_is_said(
    journal: SharedJournal, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = Contention(journal, clock := Clock())
    waiting.add(Decides(clock, 3.0))
    with waiting.decided([]):
        pass
    assert "notebook/a took 3.00 s to decide, while other processes waited" in caplog.text
