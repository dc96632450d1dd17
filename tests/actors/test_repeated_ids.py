"""One command sent twice with one id: however it ends, both answers are true."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from tests.actors.faulty_journal import FaultyJournal, full, lost, stored
from tests.actors.notebook import (
    MISCHIEF,
    Misbehave,
    NotebookEvent,
    Stall,
    Stamp,
    Write,
    notebook,
    raising,
)

from comity.actors import Domain, Pending, Policy
from comity.engine import (
    ComityError,
    Conflicted,
    DeciderFailed,
    Expired,
    IdReused,
    NotExecuted,
    OutcomeUnknown,
    Receipt,
    StorageFailed,
)
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.turn import Turn

ONCE = Stamp(page="p", stamps=1)


@pytest.fixture(autouse=True)
def _quiet_and_clean(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, logger="comity")
    yield
    MISCHIEF.clear()


@pytest.fixture
def journal() -> FaultyJournal:
    """A journal that fails on demand."""
    return FaultyJournal()


def ended(pending: Pending[Receipt[NotebookEvent]]) -> object:
    """A receipt's version, or the class of the error."""
    try:
        return pending.result(60).version
    except ComityError as error:
        return type(error)


class Held:
    """A disk that holds up the next append until it is let go."""

    def __init__(self, journal: FaultyJournal) -> None:
        self.entered, self.released = threading.Event(), threading.Event()
        journal.fault = self._hold

    def _hold(self, journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
        self.entered.set()
        assert self.released.wait(30)
        journal.fault = None
        return journal.append(turns)


def stalled(domain: Domain, key: str = "a") -> Stall:
    """The aggregate is held up in a decision."""
    stall = MISCHIEF["stall"] = Stall()
    domain.aggregate(notebook, key).send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)
    return stall


# --- while the first is on its way ----------------------------------------------------------------


def test_sent_again_while_the_first_waits_it_gets_the_same_answer(domain: Domain) -> None:
    stall = stalled(domain)
    book = domain.aggregate(notebook, "a")
    first = book.send(ONCE)
    others = [domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob")]
    again = [each.send(ONCE, id=first.id) for each in others]
    stall.released.set()
    assert [ended(one) for one in (first, *again)] == [2, 2, 2]
    assert domain.state(book).stamps == {"p": 1}


def test_sent_again_while_the_first_is_being_decided_it_gets_the_same_answer(
    domain: Domain,
) -> None:
    stall = MISCHIEF["stall"] = Stall()
    book = domain.aggregate(notebook, "a")
    first = book.send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)
    again = book.send(Misbehave(name="stall", where="decide"), id=first.id)
    stall.released.set()
    assert (ended(first), ended(again), domain.version(book)) == (1, 1, 1)


def test_sent_again_while_the_disk_works_it_gets_the_same_answer(journal: FaultyJournal) -> None:
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        disk = Held(journal)
        first = book.send(ONCE)
        assert disk.entered.wait(60)
        again = book.send(ONCE, id=first.id)
        disk.released.set()
        assert (ended(first), ended(again), journal.position()) == (1, 1, 1)


def test_a_first_whose_deadline_passes_is_not_given_up_while_the_second_may_wait(
    domain: Domain,
) -> None:
    stall = stalled(domain)
    book = domain.aggregate(notebook, "a")
    first = book.send(ONCE, id="x", deadline=0.5)
    again = book.send(ONCE, id="x", deadline=30)
    time.sleep(1.1)  # until two rounds of who looks for deadlines are over
    stall.released.set()
    assert ended(first) == ended(again) == 2


def test_a_second_whose_deadline_passes_gets_what_the_first_gets(domain: Domain) -> None:
    stall = stalled(domain)
    book = domain.aggregate(notebook, "a")
    first = book.send(ONCE, id="x")
    again = book.send(ONCE, id="x", deadline=0.05)
    time.sleep(0.6)
    stall.released.set()
    assert ended(first) == ended(again) == 2


def test_where_the_deadlines_of_both_pass_nothing_is_done(domain: Domain) -> None:
    stall = stalled(domain)
    book = domain.aggregate(notebook, "a")
    first = book.send(ONCE, id="x", deadline=0.05)
    again = book.send(ONCE, id="x", deadline=0.06)
    assert ended(first) is ended(again) is Expired
    stall.released.set()
    assert ended(book.send(ONCE, id="x")) == 2  # and it may be sent again
    assert domain.state(book).stamps == {"p": 1}


def test_another_command_with_an_id_that_is_on_its_way_is_refused_and_harms_nobody(
    domain: Domain,
) -> None:
    stall = stalled(domain)
    book = domain.aggregate(notebook, "a")
    first = book.send(ONCE, id="x")
    other = book.send(Write(page="q", text="other"), id="x")
    stall.released.set()
    assert ended(first) == 2
    assert ended(other) is IdReused


def test_whose_an_id_is_the_journal_says_and_not_who_has_it_on_its_way(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    first = ended(book.send(ONCE, id="x"))
    stall = stalled(domain)
    other = book.send(Write(page="q", text="other"), id="x")
    again = book.send(ONCE, id="x")
    stall.released.set()
    assert (ended(again), ended(other)) == (first, IdReused)


def test_an_id_of_a_preview_is_nobodys(domain: Domain) -> None:
    stall = stalled(domain)
    book = domain.aggregate(notebook, "a")
    preview = book.preview(ONCE)
    command = book.send(ONCE, id=preview.id)
    stall.released.set()
    assert preview.result(60).version == 1
    assert ended(command) == 2


def test_previewed_and_then_sent_with_one_id_is_sent_once(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    preview = book.preview(ONCE)
    preview.result(60)
    assert ended(book.send(ONCE, id=preview.id)) == 1
    assert ended(book.send(ONCE, id=preview.id)) == 1


@pytest.mark.parametrize("fault", [full, lost])
def test_where_the_first_could_not_be_written_the_second_was_not_done_either(
    journal: FaultyJournal,
    fault: Callable[[FaultyJournal, Sequence[Turn]], list[Result]],
) -> None:
    with Domain(journal, deciders=[notebook]) as domain:
        stall = stalled(domain)
        book = domain.aggregate(notebook, "a")
        first = book.send(ONCE, id="x")
        again = book.send(ONCE, id="x")
        journal.fault = fault
        stall.released.set()
        answers = [ended(first), ended(again)]
        journal.fault = None
        assert all(issubclass(one, StorageFailed) for one in answers if isinstance(one, type))
        book.send(Write(page="q", text="x")).result(60)
        assert journal.find("x") is None


# --- when the first is stored ---------------------------------------------------------------------


def done(domain: Domain, id: str = "x", key: str = "a") -> int:
    """The command is done and stored under this id."""
    return domain.aggregate(notebook, key).send(ONCE, id=id).result(60).version


def test_a_retry_whose_deadline_passes_gets_what_is_stored(domain: Domain) -> None:
    version = done(domain)
    stall = stalled(domain)
    again = domain.aggregate(notebook, "a").send(ONCE, id="x", deadline=0.05)
    assert ended(again) == version  # although its aggregate is still held up
    stall.released.set()


def test_a_retry_that_finds_a_full_inbox_gets_what_is_stored(journal: FaultyJournal) -> None:
    with Domain(journal, deciders=[notebook], policy=Policy(inbox=2)) as domain:
        version = done(domain)
        stall = stalled(domain)
        book = domain.aggregate(notebook, "a")
        waiting = book.send(ONCE, id="y")
        assert ended(book.send(ONCE, id="x")) == version
        joined = book.send(ONCE, id="y")  # and one that is on its way needs no room
        stall.released.set()
        assert ended(waiting) == ended(joined) == 3


def test_a_retry_that_finds_the_domain_full_gets_what_is_stored(journal: FaultyJournal) -> None:
    with Domain(journal, deciders=[notebook], policy=Policy(max_live=1)) as domain:
        version = done(domain, key="b")
        stall = stalled(domain)
        assert ended(domain.aggregate(notebook, "b").send(ONCE, id="x")) == version
        stall.released.set()


def test_a_retry_at_a_quarantined_aggregate_gets_what_is_stored(journal: FaultyJournal) -> None:
    policy = Policy(failures=2, back_off=0.001)
    MISCHIEF["bug"] = raising(ValueError("again"))
    with Domain(journal, deciders=[notebook], policy=policy) as domain:
        version = done(domain)
        book = domain.aggregate(notebook, "a")
        for _ in range(2):
            with pytest.raises(DeciderFailed):
                book.send(Misbehave(name="bug", where="decide")).result(60)
        assert ended(book.send(ONCE, id="x")) == version


def test_a_retry_at_an_aggregate_that_cannot_be_loaded_gets_what_is_stored(
    journal: FaultyJournal,
) -> None:
    with Domain(journal, deciders=[notebook]) as domain:
        domain.aggregate(notebook, "a").send(Misbehave(name="bug", where="evolve")).result(60)
        version = done(domain)
    MISCHIEF["bug"] = raising(ValueError("a bug since then"))
    journal._closed = False  # pyright: ignore[reportPrivateUsage] - opened again
    with Domain(journal, deciders=[notebook], policy=Policy(back_off=0.001)) as domain:
        book = domain.aggregate(notebook, "a")
        assert ended(book.send(ONCE, id="x")) == version
        assert ended(book.send(ONCE, id="y")) is DeciderFailed


def test_a_retry_of_a_refusal_gets_the_refusal_wherever_it_ends(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    done(domain)
    book.send(Write(page="p", text="bob's")).result(60)
    ann = domain.session("ann").aggregate(notebook, "a")
    clash = Write(page="p", text="ann's")
    assert ended(ann.send(clash, seen=0, id="z")) is Conflicted
    stall = stalled(domain)
    assert ended(ann.send(clash, seen=0, id="z", deadline=0.05)) is Conflicted
    stall.released.set()


def test_a_retry_while_the_domain_closes_gets_what_is_stored_or_on_its_way(
    journal: FaultyJournal,
) -> None:
    domain = Domain(journal, deciders=[notebook])
    book = domain.aggregate(notebook, "a")
    version = done(domain)
    stall = stalled(domain)
    closing = threading.Thread(target=domain.close)
    waiting = book.send(ONCE, id="y")
    closing.start()
    while True:
        try:
            book.send(ONCE)
        except NotExecuted:
            break
    assert ended(book.send(ONCE, id="x")) == version
    again = book.send(ONCE, id="y")
    stall.released.set()
    closing.join(60)
    assert ended(waiting) == ended(again) == 3


def test_of_an_id_that_cannot_be_looked_up_any_more_nobody_says_that_nothing_was_done(
    journal: FaultyJournal,
) -> None:
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        done(domain)
    assert ended(book.send(ONCE, id="x")) is OutcomeUnknown


class Blind(FaultyJournal):
    """Until it is recovered it does not show what it holds."""

    def find(self, command_id: str) -> Record | None:
        """Find, once that works."""
        return super().find(command_id) if self.recoverable else None


def test_while_it_is_not_known_what_the_journal_holds_nobody_says_that_nothing_was_done() -> None:
    journal = Blind()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        journal.fault, journal.recoverable = stored, False
        assert ended(book.send(ONCE, id="x")) is OutcomeUnknown
        assert ended(book.send(ONCE, id="x")) is OutcomeUnknown
        journal.recoverable = True
        while ended(book.send(Write(page="q", text="x"))) is StorageFailed:
            time.sleep(0.01)
        assert ended(book.send(ONCE, id="x")) == 1
        assert domain.state(book).stamps == {"p": 1}


def test_an_answer_that_cannot_be_read_back_is_not_called_a_failed_decision(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(domain)
    monkeypatch.setattr(notebook, "load", raising(SystemExit(3)))
    book = domain.aggregate(notebook, "a")
    assert ended(book.send(ONCE, id="x")) is OutcomeUnknown
