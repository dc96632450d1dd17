"""A journal with outlets is written anew: nothing is delivered again, and nothing is missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.evolution.migrations import same
from tests.support.restored import back_up, restore
from tests.support.travel import Ask, decide_desk, desk, evolve_desk
from tests.support.trips import Wanted

from comity.actors import Deliveries, Delivery, Domain, Outlet, OutletLedger
from comity.actors.delivering.lmdb_tables import LOCK
from comity.engine import AggregateId, Decider, OutletAhead, OutletInUse, Recorded
from comity.engine.files.writer_lock import WriterLock
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.evolution import JournalEvent, JournalRecord, migrate

noted = Decider("desk", int, decide_desk, evolve_desk, retired=["Noted"])
"""The desk of a program that knows of notes."""


class Mails(Outlet[Wanted]):
    """Tells of each trip; some cannot be told."""

    start = "beginning"
    tries = 1

    def __init__(self, bad: tuple[str, ...] = ()) -> None:
        self.bad = bad
        self.sent: list[str] = []

    def key(self, event: Wanted, at: Recorded[Wanted]) -> str:
        """Trips of one letter wait for each other."""
        return event.trip[0]

    def deliver(self, event: Wanted, at: Delivery[Wanted]) -> None:
        """Note it."""
        if event.trip in self.bad:
            raise ValueError("no mailbox")
        self.sent.append(event.trip)


def ask(path: Path, *trips: str) -> None:
    with Domain.open(path, deciders=[desk]) as domain:
        for trip in trips:
            domain.aggregate(desk, "d1").do(Ask(trip=trip))


def deliver(path: Path, mails: Mails, *, again: bool = False) -> list[str]:
    """Deliver what there is; returns the trips that were told."""
    with Deliveries.open(path, [mails], deciders=[noted]) as deliveries:
        handle = deliveries.outlet(mails)
        if again:
            assert handle.try_again() > 0
        wait_for(lambda: not handle.status().lag_events and not handle.status().in_flight)
        wait_for(lambda: not (again and handle.status().waiting_events))
    return sorted(mails.sent)


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def parked(path: Path) -> list[str]:
    """The trips whose events are parked, read where the ledger says that they are."""
    with OutletLedger.open(path, "Mails") as ledger:
        positions = [one.position for one in ledger.parked()]
    journal = LmdbJournal.open(path, read_only=True)
    found = {
        record.position + part: JournalEvent(event).fields["trip"]
        for record in journal.read_all()
        for part, event in enumerate(record.events, 1)
    }
    journal.close()
    return [str(found[position]) for position in positions]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Four trips are told, three are parked, and two came since."""
    path = tmp_path / "old.db"
    ask(path, "a1", "b1", "c1", "b2", "a2", "b3", "a3")
    assert deliver(path, Mails(("b1",))) == ["a1", "a2", "a3", "c1"]
    assert parked(path) == ["b1", "b2", "b3"]
    ask(path, "d1", "b4")
    return path


def longer(record: JournalRecord) -> Iterator[JournalRecord]:
    """Each event is behind a note, except those of a, of which there are none any more."""
    note = JournalEvent.made("Noted", {"trip": ""})
    kept = [event for event in record.events if not str(event.fields["trip"]).startswith("a")]
    yield record.with_events(*[one for event in kept for one in (note, event)])


@pytest.mark.parametrize("function", [same, longer])
def test_the_copy_delivers_what_is_left_and_keeps_what_is_parked(
    old: Path, tmp_path: Path, function: Callable[[JournalRecord], Iterator[JournalRecord]]
) -> None:
    new = tmp_path / "new.db"
    migrate(old, new, function)
    assert parked(new) == ["b1", "b2", "b3"]
    assert deliver(new, Mails()) == ["d1"]
    assert parked(new) == ["b1", "b2", "b3", "b4"]


def test_parked_events_of_the_copy_can_be_delivered(old: Path, tmp_path: Path) -> None:
    def moved(record: JournalRecord) -> Iterator[JournalRecord]:
        events = [one for one in record.events if one.fields["trip"] != "b2"]
        yield record.to(AggregateId("desk", "d7")).with_events(*events)

    new = tmp_path / "new.db"
    migrate(old, new, moved)
    assert deliver(new, Mails(), again=True) == ["b1", "b3", "b4", "d1"]


def test_a_program_that_delivers_is_to_be_ended_first(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    lock = WriterLock(old / "outlets" / "Mails", LOCK)
    with pytest.raises(OutletInUse, match="end it, and run the same command again"):
        migrate(old, new, same)
    lock.release()
    assert migrate(old, new, same).complete


def test_an_interrupted_copy_of_a_ledger_is_written_again(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new.db"

    def fail(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("comity.evolution.copying.migration.finish", fail)
        with pytest.raises(KeyboardInterrupt):
            migrate(old, new, same)
    migrate(old, new, same)
    assert parked(new) == ["b1", "b2", "b3"]
    assert deliver(new, Mails()) == ["d1"]


def test_a_copy_of_a_restored_journal_has_no_branch_and_goes_on(tmp_path: Path) -> None:
    """The copy is a journal of its own, which was never restored."""
    path, mails = tmp_path / "old", Mails()
    ask(path, "a1", "b1")
    deliver(path, mails)
    lost = back_up(path, tmp_path / "backup", followers=True)
    path.rename(tmp_path / "lost")
    restore(lost, path)
    ask(path, "c1")
    assert deliver(path, mails) == ["a1", "b1", "c1"]
    migrate(path, tmp_path / "new", same)
    ask(tmp_path / "new", "d1")
    assert deliver(tmp_path / "new", mails) == ["a1", "b1", "c1", "d1"]


def test_an_outlet_that_has_delivered_what_its_journal_lacks_is_not_copied(tmp_path: Path) -> None:
    path, mails = tmp_path / "old", Mails()
    ask(path, "a1")
    lost = back_up(path, tmp_path / "backup")
    ask(path, "b1")
    deliver(path, mails)
    path.rename(tmp_path / "lost")
    restore(lost, path)
    (tmp_path / "lost" / "outlets").rename(path / "outlets")
    with pytest.raises(OutletAhead, match="--rejoin Mails"):
        migrate(path, tmp_path / "new", same)
