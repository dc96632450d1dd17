"""An outlet beside a restored journal: it stops if it is ahead, and a person says what happens."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from shutil import copytree

import pytest
from tests.actors.delivering.courier import SEEN, Letters
from tests.actors.delivering.posts import Posts
from tests.actors.notebook import NotebookEvent, Stamp, notebook
from tests.actors.shelf import until
from tests.support.restored import back_up, restore

from comity.actors import Domain, OutletLedger, OutletStatus, Rejoined
from comity.actors.delivering import claim
from comity.actors.delivering.delivery import delivery_id
from comity.actors.delivering.ledger import Ledger
from comity.actors.delivering.lmdb_tables import LmdbTables
from comity.engine import OutletAhead, OutletError, Recorded
from comity.engine.journal.lineage import Branch, Lineage
from comity.engine.journal.lmdb_journal import LmdbJournal

Lines = pytest.LogCaptureFixture


class Hasty(Posts):
    """Parks soon."""

    back_off = (0.001, 0.002)


class Office:
    """A domain with an outlet; its ledger is in a folder of its own, and its journal is lost."""

    def __init__(self, folder: Path) -> None:
        self.path, self.ledgers = folder / "db", folder / "ledgers"
        self.folder = folder
        self.outlet = Hasty()
        self._lost = 0

    def open(self, outlet: Posts | None = None) -> Domain:
        return Domain.open(
            self.path, deciders=[notebook], outlets=[outlet or self.outlet], ledgers=self.ledgers
        )

    def deliver(self, *keys: str) -> OutletStatus:
        """Let something happen in these notebooks, and wait until it is settled."""
        with self.open() as domain:
            stamp(domain, *keys)
            return settled(domain)

    def stamp(self, *keys: str) -> None:
        """Let something happen while nothing is delivered."""
        with Domain.open(self.path, deciders=[notebook]) as domain:
            stamp(domain, *keys)

    def back_up(self) -> Path:
        return back_up(self.path, self.folder / f"backup-{self._lost}")

    def lose_and_restore(self, backup: Path) -> Branch:
        self._lost += 1
        self.path.rename(self.folder / f"lost-{self._lost}")
        return restore(backup, self.path)

    def keep_ledger(self) -> Callable[[], object]:
        """Copy the ledger, as a backup does; what is returned restores it."""
        kept = self.folder / "kept"
        copytree(self.ledgers, kept)

        def put_back() -> None:
            self.ledgers.rename(self.folder / "late")
            kept.rename(self.ledgers)

        return put_back

    def ledger(self) -> OutletLedger:
        return OutletLedger.open(self.path, "Hasty", ledgers=self.ledgers)

    @property
    def outlets(self) -> Sequence[str]:
        """The arguments of `comity outlets`."""
        return "outlets", str(self.path), "--ledgers", str(self.ledgers)

    def status(self) -> OutletStatus:
        with self.ledger() as ledger:
            return ledger.status()


def stamp(domain: Domain, *keys: str) -> None:
    for key in keys:
        domain.aggregate(notebook, key).do(Stamp(page="p1", stamps=1))


def settled(domain: Domain) -> OutletStatus:
    """The status as soon as nothing is to be delivered."""

    def status() -> OutletStatus:
        return domain.outlets()[0]

    def is_settled() -> bool:
        now = status()
        return now.state == "following" and not (now.lag_events or now.waiting or now.in_flight)

    assert until(is_settled), status()
    return status()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def ahead(office: Office) -> Office:
    """An office that has delivered three events that its restored journal lacks."""
    office.deliver("a", "b")
    backup = office.back_up()
    office.deliver("a", "b", "c")
    office.lose_and_restore(backup)
    office.outlet.seen.clear()
    return office


@pytest.fixture
def lines(caplog: Lines) -> Lines:
    caplog.set_level(logging.INFO, "comity")
    return caplog


# --- a ledger that is ahead -----------------------------------------------------------------------


@pytest.mark.parametrize("since", [(), ("x", "y", "z"), ("x", "y", "z", "x", "y")])
def test_an_outlet_that_is_ahead_stops_and_says_how_far(ahead: Office, since: tuple[str]) -> None:
    """Also if the restored journal has other events at these positions by now."""
    ahead.stamp(*since)
    with ahead.open() as domain:
        status = domain.outlets()[0]
        assert status.state == "stopped"
        assert "has delivered up to position 5: this journal was restored at" in status.error
        assert "ends at position 2, and lacks the 3 events after it" in status.error
        assert "--rejoin Hasty" in status.error
        stamp(domain, "x")
    assert ahead.outlet.seen == []
    assert ahead.status().error == status.error
    assert ahead.status().lag_events == len(since) + 1


def test_it_goes_on_with_what_is_new_here(ahead: Office) -> None:
    ahead.stamp("x", "y", "z", "a")
    with ahead.open() as domain:
        assert domain.outlet(ahead.outlet).rejoin() == Rejoined(position=2, dropped=0)
        stamp(domain, "b")
        status = settled(domain)
    assert sorted(ahead.outlet.seen) == [("a", 2), ("b", 2), ("x", 1), ("y", 1), ("z", 1)]
    assert status.delivered == 5 + 5
    assert ahead.deliver("c").delivered == 11


def test_it_skips_what_the_journal_has_if_a_person_says_so(ahead: Office) -> None:
    ahead.stamp("x", "y", "z", "a")
    with ahead.open() as domain:
        done = domain.outlet(ahead.outlet).skip_to_end()
        assert done == Rejoined(position=6, dropped=0, skipped=4)
        stamp(domain, "b")
        settled(domain)
    assert ahead.outlet.seen == [("b", 2)]


def comity(*arguments: str) -> str:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "comity.cli", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_of_several_workers_that_have_stopped_one_delivers_when_a_person_has_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes have stopped, a third one decides; each event comes once."""
    path = tmp_path / "db"
    worker = [sys.executable, "-m", "tests.actors.delivering.courier", str(path), "0"]
    told = (path.with_name(SEEN)).read_text
    with Domain.open(path, deciders=[notebook], outlets=[Letters(path)]) as domain:
        stamp(domain, "a", "a")
        settled(domain)
        ledgers = path / "outlets"
    backup = back_up(path, tmp_path / "backup")
    with Domain.open(path, deciders=[notebook], outlets=[Letters(path)]) as domain:
        stamp(domain, "a", "a")
        settled(domain)
    path.rename(tmp_path / "lost")
    restore(backup, path)
    (tmp_path / "lost" / "outlets").rename(ledgers)
    before = len(told().splitlines())
    monkeypatch.setattr(claim, "PATIENCE", 0.1)
    with Domain.open(path, deciders=[notebook], outlets=[Letters(path)]) as domain:
        stamp(domain, "a", "b", "c")
        with subprocess.Popen(worker, stdout=subprocess.PIPE, text=True) as other:
            try:
                assert other.stdout is not None
                assert other.stdout.readline() == "stopped\n"
                assert domain.outlets()[0].state == "stopped"
                said = comity("outlets", str(path), "--rejoin", "Letters")
                assert said == "Letters goes on after position 2\n"
                stamp(domain, "d")
                assert until(lambda: len(told().splitlines()) == before + 4), told()
                assert other.stdout.readline() == "standby\n"
            finally:
                other.kill()
    new = [line.split(" ", 1)[1] for line in told().splitlines()[before:]]
    assert sorted(new) == ["a 3", "b 1", "c 1", "d 1"]


def test_the_command_line_skips_what_the_journal_has(ahead: Office) -> None:
    ahead.stamp("x")
    said = json.loads(comity(*ahead.outlets, "--skip", "Hasty", "--json"))
    assert said == {"name": "Hasty", "position": 3, "dropped": 0, "skipped": 1}


def test_it_says_once_that_it_has_stopped(
    ahead: Office, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setattr(claim, "PATIENCE", 0.01)
    with ahead.open():
        assert not until(lambda: False, seconds=0.2)
    assert len([line for line in lines.messages if "does not deliver" in line]) == 1


def test_what_waited_is_dropped_if_its_event_is_lost_and_kept_if_not(office: Office) -> None:
    office.outlet.fails = lambda at: at.aggregate.key in {"bad", "worse"}
    office.deliver("a", "bad")
    backup = office.back_up()
    assert office.deliver("bad", "b", "worse", "worse").parked == 4
    office.lose_and_restore(backup)
    office.outlet.seen.clear()
    with office.ledger() as ledger:
        assert ledger.rejoin() == Rejoined(position=2, dropped=3)
        assert [(one.key, one.position) for one in ledger.parked()] == [("notebook/bad", 2)]
        status = ledger.status()
    assert (status.parked, status.parked_keys, status.given_up) == (1, 1, 0)
    office.outlet.fails = lambda _: False
    with office.open() as domain:
        stamp(domain, "bad", "worse", "b")
        settled_with(domain, parked=2)
        assert domain.outlet(office.outlet).try_again() == 2
        settled(domain)
    assert office.outlet.of("bad") == [1, 2]
    assert office.outlet.of("worse") == [1]
    assert office.outlet.of("b") == [1]


def settled_with(domain: Domain, *, parked: int) -> None:
    assert until(lambda: domain.outlets()[0].parked == parked), domain.outlets()
    settled(domain)


def test_a_ledger_whose_lanes_alone_are_ahead_is_ahead(office: Office) -> None:
    """Its position is before the end of the backup: something there was being delivered."""
    office.deliver("a", "b")
    backup = office.back_up()
    office.outlet.fails = lambda _: True
    assert office.deliver("c").parked == 1
    move_back(office, 1)
    office.lose_and_restore(backup)
    with pytest.raises(OutletAhead, match="up to position 3"), office.open() as domain:
        raise OutletAhead(domain.outlets()[0].error)


def move_back(office: Office, position: int) -> None:
    with closing(LmdbTables(office.ledgers / "Hasty")) as tables:
        ledger = Ledger(tables)
        ledger.write(ledger.progress._replace(position=position))


def test_interrupted_in_the_middle_it_is_simply_done_again(
    ahead: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with ahead.ledger() as ledger, monkeypatch.context() as patched:
        patched.setattr("comity.actors.delivering.rejoining._go_on", crash)
        with pytest.raises(KeyboardInterrupt):
            ledger.rejoin()
    assert ahead.status().state == "stopped"
    with ahead.ledger() as ledger:
        assert ledger.rejoin().position == 2
        with pytest.raises(OutletError, match="nothing was restored since"):
            ledger.rejoin()


def test_the_ledger_of_another_restored_copy_is_not_rejoined(ahead: Office) -> None:
    """Where the two part is not known, so it cannot tell what its receivers have."""
    with ahead.ledger() as ledger:
        ledger.rejoin()
    ahead.deliver("x")
    ahead.path.rename(ahead.folder / "first try")
    restore(ahead.folder / "backup-0", ahead.path)
    assert "another restored copy" in ahead.status().error
    with ahead.ledger() as ledger, pytest.raises(OutletError, match="move it away"):
        ledger.rejoin()


# --- a ledger that was restored, too --------------------------------------------------------------


def test_a_ledger_that_was_restored_too_goes_on_and_says_what_may_come_twice(
    office: Office, lines: Lines
) -> None:
    office.deliver("a")
    put_back = office.keep_ledger()
    office.deliver("b", "a")
    ids = list(office.outlet.ids)
    office.lose_and_restore(office.back_up())
    put_back()
    assert "up to 2 deliveries were made before" in office.status().error
    assert "--skip Hasty" in office.status().error
    office.outlet.ids.clear()
    status = office.deliver("c")
    assert office.outlet.ids[:2] == ids[1:], "a receiver knows them by their ids"
    assert len(office.outlet.ids) == 3
    assert status.again == 2
    assert office.deliver().again == 2
    assert len([line for line in lines.messages if "up to 2 deliveries were made" in line]) == 1


def test_before_a_program_delivers_a_person_may_skip_what_would_come_twice(office: Office) -> None:
    office.deliver("a")
    put_back = office.keep_ledger()
    office.deliver("b", "a")
    office.lose_and_restore(office.back_up())
    put_back()
    office.outlet.seen.clear()
    with office.ledger() as ledger:
        assert ledger.skip_to_end() == Rejoined(position=3, dropped=0, skipped=2)
    assert office.deliver("c").again == 0
    assert office.outlet.seen == [("c", 1)]


def test_a_ledger_at_the_end_of_the_backup_goes_on_without_a_word(
    office: Office, lines: Lines
) -> None:
    office.deliver("a", "b")
    office.lose_and_restore(office.back_up())
    assert office.deliver("c").again == 0
    assert not [line for line in lines.messages if "restored" in line]


def test_each_restore_counts(office: Office) -> None:
    """It goes on after the first one, and is ahead after the second one."""
    office.deliver("a", "b")
    backup = office.back_up()
    office.lose_and_restore(backup)
    office.deliver("c")
    second = office.back_up()
    office.deliver("d")
    office.lose_and_restore(second)
    assert "lacks the event after it" in office.status().error


def test_a_new_outlet_of_a_restored_journal_is_of_its_branch(office: Office) -> None:
    office.stamp("a", "b")
    office.lose_and_restore(office.back_up())
    office.stamp("c")
    assert office.deliver("d").delivered == 4
    assert office.deliver("e").delivered == 5


# --- ids ------------------------------------------------------------------------------------------


def test_events_of_two_branches_never_have_one_delivery_id(office: Office) -> None:
    """Not even if everything else is the same: position, aggregate, version, time, command id."""
    office.stamp("a")
    (at,) = history(office)
    first, second = (delivery_id(at, "Hasty", branch) for branch in ("", "b2"))
    assert first != second
    assert first == delivery_id(at, "Hasty"), "as it was before there were restores"


def test_an_event_of_the_backup_keeps_its_id_and_a_new_one_has_the_branch_in_it(
    office: Office,
) -> None:
    office.deliver("a")
    restored = office.lose_and_restore(office.back_up())
    office.outlet.ids.clear()
    again = Hasty()
    (office.ledgers / "Hasty").rename(office.folder / "moved away")
    with office.open(again) as domain:
        stamp(domain, "a")
        settled(domain)
        one, two = domain.history(domain.aggregate(notebook, "a"))
    assert again.ids == [delivery_id(one, "Hasty"), delivery_id(two, "Hasty", restored.id)]


def history(office: Office) -> Sequence[Recorded[NotebookEvent]]:
    with Domain.open(office.path, deciders=[notebook]) as domain:
        return list(domain.history(domain.aggregate(notebook, "a")))


# --- faults that are planted ----------------------------------------------------------------------


def nothing(_lineage: Lineage, _branch: str) -> Sequence[Branch]:
    return ()


def fits(*_: object) -> bool:
    return True


def keeping_lanes(*_: object) -> tuple[int, int]:
    return 1, 0


def test_without_branches_an_outlet_would_skip_events(
    ahead: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The times of events are no help if the clock was put back: so the branch is compared."""
    monkeypatch.setattr(Lineage, "since", nothing)
    monkeypatch.setattr("comity.actors.delivering.opening.has_taken", fits)
    ahead.stamp("x", "y", "z", "v")
    ahead.deliver("w")
    assert sorted(ahead.outlet.seen) == [("v", 1), ("w", 1)], "x, y and z were never delivered"


def test_without_dropping_lanes_another_event_would_be_delivered_in_their_place(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.deliver("a")
    backup = office.back_up()
    office.outlet.fails = lambda _: True
    office.deliver("b")
    office.lose_and_restore(backup)
    monkeypatch.setattr("comity.actors.delivering.rejoining._cut_off", keeping_lanes)
    with office.ledger() as ledger:
        ledger.rejoin()
    office.stamp("c")
    office.outlet.fails = lambda _: False
    with office.open() as domain:
        domain.outlet(office.outlet).try_again()
        settled(domain)
    assert office.outlet.of("c") == [1, 1]


def test_the_lineage_is_in_the_journal(ahead: Office) -> None:
    journal = LmdbJournal.open(ahead.path, read_only=True)
    assert journal.lineage().restores
    journal.close()
