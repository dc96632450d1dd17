"""Which of several programs delivers, and what the others can do, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.actors.delivering.courier import SEEN, Letters
from tests.actors.delivering.test_strange_events import older
from tests.actors.notebook import NotebookEvent, Stamp, Stamped, Write, notebook
from tests.actors.shelf import until
from tests.support.stopping import go_on, stop

from comity.actors import Deliverer, Delivery, Domain, Outlet
from comity.actors.assembly.assembly import Assembly
from comity.actors.delivering.forms import ORIGIN, PROGRESS, Progress
from comity.actors.delivering.leading import lead
from comity.actors.delivering.ledger_tables import META
from comity.actors.delivering.outlet_actor import OutletActor
from comity.engine import LedElsewhere, OutletInUse
from comity.engine.sharing.lease import Lease
from comity.engine.sharing.lease_watch import HANGS, LeaseWatch

ROOT = Path(__file__).parents[3]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "db"
    Domain.open(path, deciders=[notebook]).close()
    return path


@pytest.fixture
def start(path: Path) -> Generator[Start]:
    """Starts programs that deliver, see `courier`; kills them at the end."""
    with ExitStack() as children:

        def begin(stops_in: int = 0) -> subprocess.Popen[str]:
            program = [sys.executable, "-m", "tests.actors.delivering.courier"]
            child = subprocess.Popen(
                [*program, str(path), str(stops_in)], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            children.enter_context(child)
            children.callback(child.kill)
            return child

        yield begin


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def seen(path: Path) -> list[tuple[int, str, int]]:
    """Who has delivered what: process, key, version."""
    file = path.with_name(SEEN)
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(pid), key, int(version)) for pid, key, version in map(str.split, lines)]


def stamp(domain: Domain, *keys: str) -> None:
    for key in keys:
        domain.aggregate(notebook, key).do(Stamp(page="p", stamps=1))


def opened(path: Path) -> Domain:
    return Domain.open(path, deciders=[notebook], outlets=[Letters(path)])


def letters(domain: Domain) -> Deliverer[Letters]:
    return domain.outlet(Letters)


def test_who_waits_takes_over_from_a_program_that_hangs_which_then_waits(
    path: Path, start: Start
) -> None:
    child = start()
    assert said(child) == "following"
    with opened(path) as domain:
        stamp(domain, "a")
        assert until(lambda: seen(path) == [(child.pid, "a", 1)])
        assert until(lambda: letters(domain).status().delivered == 1)  # it is written down
        stop(child.pid, path)
        stamp(domain, "a")
        assert until(lambda: (os.getpid(), "a", 2) in seen(path))
        assert letters(domain).status().led_by == ""
        go_on(child.pid)
        assert said(child) == "standby"
        stamp(domain, "a", "b")
        assert until(lambda: seen(path)[-2:] == [(os.getpid(), "a", 3), (os.getpid(), "b", 1)])
    assert said(child) == "following"


def test_a_standby_shows_what_the_program_that_delivers_does_and_names_it(
    path: Path, start: Start
) -> None:
    child = start()
    assert said(child) == "following"
    with opened(path) as domain:
        stamp(domain, "a", "bad")
        mails = letters(domain)
        assert until(lambda: mails.status().parked == 1, 30)
        status = mails.status()
        assert (status.state, status.delivered) == ("standby", 1)
        assert f"process {child.pid} " in status.led_by
        assert [one.key for one in mails.parked()] == ["notebook/bad"]
        for ask in (
            mails.pause, mails.resume, mails.try_again, mails.give_up_all,
            lambda: mails.give_up("notebook/bad"),
        ):  # fmt: skip
            with pytest.raises(LedElsewhere, match=f"process {child.pid} .*: ask for it there"):
                ask()
        child.kill()
        assert until(lambda: mails.status().state == "following")
        assert mails.give_up_all() == 1


@pytest.mark.slow
def test_a_program_that_is_stopped_in_the_middle_of_a_write_is_named_and_holds_up_nothing_else(
    path: Path, start: Start
) -> None:
    child = start(2)
    assert said(child) == "following"
    with opened(path) as domain:
        stamp(domain, "a")
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        stamp(domain, "a")
        time.sleep(1.0)  # by now it has taken over, and waits for the end of that write
        status = letters(domain).status()
        assert status.state == "standby"
        assert f"process {child.pid} " in status.error
        stamp(domain, "a")
        child.kill()
        assert until(lambda: (os.getpid(), "a", 3) in seen(path))
        assert {version for _, _, version in seen(path)} == {1, 2, 3}


@pytest.mark.slow
def test_of_three_programs_one_delivers_and_each_event_comes_once(path: Path, start: Start) -> None:
    children = [start() for _ in range(3)]
    assert sorted(said(child) for child in children) == ["following", "standby", "standby"]
    with Domain.open(path, deciders=[notebook]) as domain:
        stamp(domain, "a", "b", "a")
        assert until(lambda: len(seen(path)) == 3)
    assert len({pid for pid, _, _ in seen(path)}) == 1


def test_a_ledger_whose_lock_files_were_lost_delivers(path: Path) -> None:
    for versions in ([1], [1, 2], [1, 2, 3]):
        with opened(path) as domain:
            stamp(domain, "a")
            assert until(lambda: [one for _, _, one in seen(path)] == versions)  # noqa: B023
            assert until(lambda: letters(domain).status().delivered == len(versions))  # noqa: B023
        for lock in (path / "outlets" / "Letters").glob("writer.lock*"):
            lock.unlink()


class SlowLetters(Letters):
    """Takes its time."""

    stored_as = "Letters"

    def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        """Write it down later than a leader that does not beat is taken over from."""
        time.sleep(1.5 * HANGS)
        super().deliver(event, at)


@pytest.mark.slow
def test_who_closes_with_a_delivery_under_way_is_not_taken_over_from_meanwhile(
    path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OutletActor, "GRACE", 30.0)
    with Domain.open(path, deciders=[notebook], outlets=[SlowLetters(path)]) as domain:
        child = start()
        assert said(child) == "standby"
        stamp(domain, "a")
        assert until(lambda: domain.outlets()[0].in_flight == 1)
    assert said(child) == "following"
    with Domain.open(path, deciders=[notebook]) as domain:
        stamp(domain, "b")
        assert until(lambda: (child.pid, "b", 1) in seen(path))
    assert seen(path) == [(os.getpid(), "a", 1), (child.pid, "b", 1)]


def has_company(assembly: Assembly) -> bool:
    """Say that other programs have the journal open."""
    return True


class Stamps(Outlet[Stamped]):
    """Knows stamps only."""

    start, stored_as = "beginning", "Letters"

    def deliver(self, event: Stamped, at: Delivery[Stamped]) -> None:
        """Never called."""


def test_an_event_that_only_newer_programs_read_leaves_the_outlet_to_them(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Assembly, "_has_company", has_company)
    with Domain.open(path, deciders=[notebook]) as domain:
        domain.aggregate(notebook, "a").do(Write(page="p", text="x"))
    with Domain.open(path, deciders=[older], outlets=[Stamps()], allow_unreadable=True) as domain:
        stamps = domain.outlet(Stamps)
        assert until(lambda: stamps.status().state == "stopped")
        assert "Written" in stamps.status().error
        place = path / "outlets" / "Letters"
        newer = lead(place, LeaseWatch(place / "writer.lock"))
        assert until(lambda: stamps.status().state == "standby")
        newer.close()
        assert until(lambda: stamps.status().state == "stopped")


@pytest.mark.slow
def test_a_ledger_that_is_moved_away_under_running_programs_is_not_begun_anew(
    path: Path, start: Start
) -> None:
    with opened(path) as domain:
        child = start()
        assert said(child) == "standby"
        stamp(domain, "a")
        assert until(lambda: letters(domain).status().delivered == 1)
        place = path / "outlets" / "Letters"
        place.rename(path / "outlets" / "Elsewhere")
        for lock in (path / "outlets" / "Elsewhere").glob("writer.lock-*"):
            lock.unlink()
        assert until(lambda: letters(domain).status().state == "stopped")
        assert "moved or deleted" in letters(domain).status().error
        assert said(child) == "stopped"
        assert not place.exists()
    assert len(seen(path)) == 1


def test_who_led_before_writes_nothing_any_more(path: Path) -> None:
    opened(path).close()
    place = path / "outlets" / "Letters"
    tables = lead(place, LeaseWatch(place / "writer.lock"))
    before = tables.lease
    assert before is not None
    progress = tables.get(META, PROGRESS)
    place.joinpath(f"writer.lock-{before.epoch}").unlink()
    after = Lease.take(place / "writer.lock", "another", above=before.epoch)
    tables.lease = after
    assert tables.lead() == 0
    tables.lease = before
    with pytest.raises(OutletInUse, match="another program has taken"):
        tables.write({META: {PROGRESS: Progress(99, 0).pack()}})
    assert tables.get(META, PROGRESS) == progress
    assert tables.get(META, ORIGIN) is not None
    tables.close()
    assert after is not None
    after.release()
