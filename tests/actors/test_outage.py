"""The journal cannot write now: what senders are told, and how it ends, whoever does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from tests.actors.faulty_journal import FaultyJournal, full
from tests.actors.notebook import MISCHIEF, Misbehave, Stall, Stamp, notebook
from tests.actors.shelf import until
from tests.support.heard import Heard

from comity.actors import Domain, Policy
from comity.actors.following.back_off import DISK, BackOff
from comity.engine import Outcome, OutcomeUnknown, StorageFailed, StorageFull
from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.turn import Turn

STAMP = Stamp(page="p", stamps=1)


class Unreadable(FaultyJournal):
    """One that cannot be read either, while told so, and shows late what `hidden` has stored."""

    unreadable = False
    late: Sequence[Turn] = ()

    def recover(self) -> None:
        """Recover, if that works, and show what was stored."""
        super().recover()
        late, self.late = self.late, ()
        self.really_append(late)

    def version(self, aggregate: AggregateId) -> int:
        """How many events the aggregate has."""
        self._check_readable()
        return super().version(aggregate)

    def find(self, command_id: str) -> Record | None:
        """The record of a command id."""
        self._check_readable()
        return super().find(command_id)

    def _check_readable(self) -> None:
        if self.unreadable:
            msg = "the disk cannot be read"
            raise StorageFailed(msg)


def hidden(journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
    """Once: it failed, and everything was stored all the same, as is seen after recovering."""
    assert isinstance(journal, Unreadable)
    journal.fault, journal.late = None, turns
    msg = "commit failed"
    raise OutcomeUnknown(msg)


@pytest.fixture
def journal() -> Unreadable:
    return Unreadable()


@pytest.fixture
def domain(journal: Unreadable, caplog: pytest.LogCaptureFixture) -> Iterator[Domain]:
    caplog.set_level("CRITICAL", logger="comity")
    with Domain(journal, deciders=[notebook], policy=Policy(failures=2)) as domain:
        yield domain


def test_it_ends_though_nobody_sends_and_who_listens_hears_what_was_stored(
    journal: Unreadable, domain: Domain
) -> None:
    heard = Heard()
    domain.listen(heard)
    events = domain.subscribe(notebook, "a")
    journal.fault, journal.recoverable = hidden, False
    with pytest.raises(OutcomeUnknown):
        domain.aggregate(notebook, "a").send(STAMP).result(60)
    journal.recoverable = True
    event = events.next(15)
    assert event is not None
    assert event.version == 1
    assert until(lambda: heard.positions == [1])


def test_until_it_ends_only_what_was_never_tried_is_said_not_to_have_happened(
    journal: Unreadable, domain: Domain
) -> None:
    book = domain.aggregate(notebook, "a")
    journal.fault, journal.recoverable = hidden, False
    for _ in range(3):
        with pytest.raises(OutcomeUnknown, match="same id"):
            book.send(STAMP, id="x").result(60)
        with pytest.raises(StorageFailed):
            book.send(STAMP, id="y").result(60)
    journal.recoverable = True
    assert until(lambda: domain.version(book) == 1)
    assert book.send(STAMP, id="x").result(60).version == 1
    assert until(lambda: _applied(domain, "y"))
    assert domain.state(book).stamps == {"p": 2}


def _applied(domain: Domain, id_: str) -> bool:
    try:
        return domain.aggregate(notebook, "a").send(STAMP, id=id_).result(60).version == 2
    except StorageFailed:
        return False


def test_a_command_that_was_stored_unseen_is_found_though_the_disk_is_full_when_it_is_sent_again(
    journal: Unreadable,
) -> None:
    slow = Misbehave(name="slow", where="decide")
    MISCHIEF["slow"] = lambda: None
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "b")
        journal.fault, journal.recoverable = hidden, False
        with pytest.raises(OutcomeUnknown):
            book.send(slow, id="mine").result(30)
        stall = MISCHIEF["slow"] = Stall()
        again = book.send(slow, id="mine")
        assert stall.entered.wait(30), "it is decided, since it cannot be seen that it was stored"
        journal.fault, journal.recoverable = full, True
        assert until(lambda: not journal.late), "now it can be seen, and the disk is full"
        stall.released.set()
        assert again.result(30).version == 1
    MISCHIEF.clear()


def test_a_load_that_the_disk_fails_is_answered_and_counts_for_nothing(
    journal: Unreadable, domain: Domain
) -> None:
    book = domain.aggregate(notebook, "a")
    journal.unreadable = True
    for _ in range(5):
        with pytest.raises(StorageFailed, match="cannot be read"):
            book.send(STAMP).result(60)
        with pytest.raises(OutcomeUnknown, match="same id"):
            book.send(STAMP, id="perhaps").result(60)  # it may have been used before
    journal.unreadable = False
    assert book.send(STAMP).result(60).outcome is Outcome.APPLIED


def test_what_cannot_be_looked_up_after_a_failure_is_not_known(
    journal: Unreadable, domain: Domain
) -> None:
    def blind(journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
        assert isinstance(journal, Unreadable)
        journal.really_append(turns)
        journal.fault, journal.unreadable = None, True
        raise MemoryError

    book = domain.aggregate(notebook, "a")
    journal.fault = blind
    for _ in range(3):
        with pytest.raises(OutcomeUnknown, match="same id"):
            book.send(STAMP, id="x").result(60)
    journal.unreadable = False
    assert book.send(STAMP, id="x").result(60).version == 1
    assert domain.state(book).stamps == {"p": 1}


def test_a_full_disk_is_told_as_such_from_the_first_to_the_last(
    journal: Unreadable, domain: Domain
) -> None:
    journal.fault = full
    for _ in range(3):
        with pytest.raises(StorageFull):
            domain.aggregate(notebook, "a").do(STAMP)
    journal.fault = None
    assert domain.aggregate(notebook, "a").do(STAMP).version == 1


def test_who_was_failed_by_the_disk_tries_again_twice_a_second_and_others_ever_less() -> None:
    for error, most in ((ValueError(), 5.0), (StorageFailed("the disk failed"), DISK)):
        back_off = BackOff(0.05, 5.0)
        rests = [back_off.failed(error) for _ in range(20)]
        assert rests[:3] == [0.05, 0.1, 0.2]
        assert set(rests[10:]) == {most}
        back_off.well()
        assert back_off.failed(error) == 0.05
    assert DISK < 0.5
