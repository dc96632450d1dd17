"""Which of several programs runs a process, and what the others can do, with real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.actors.processes.agency import KEEP_IDS, open_agency
from tests.actors.processes.travel import DECIDERS, trip, vessels, wish
from tests.actors.shelf import until
from tests.support.stopping import go_on, stop

from comity.actors import Domain
from comity.engine import LedElsewhere

ROOT = Path(__file__).parents[3]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db"


@pytest.fixture
def start(path: Path) -> Generator[Start]:
    """Starts programs that run trips, see `agency`; kills them at the end."""
    with ExitStack() as children:

        def begin(place: str = "", time: int = 1) -> subprocess.Popen[str]:
            program = [sys.executable, "-m", "tests.actors.processes.agency"]
            child = subprocess.Popen(
                [*program, str(path), place, str(time)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            children.enter_context(child)
            children.callback(child.kill)
            return child

        yield begin


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def ended(domain: Domain) -> list[str]:
    return sorted(one.key for one in domain.process(trip).instances("ended").rows)


def booked(domain: Domain, vessel: str) -> list[str]:
    return domain.aggregate(vessels, vessel).look().state.trips


def test_who_waits_shows_what_another_program_runs_and_takes_over_when_it_is_killed(
    path: Path, start: Start
) -> None:
    child = start()
    assert said(child) == "following"
    with open_agency(path) as domain:
        trips = domain.process(trip)
        wish(domain, "rome", "LH1")
        wish(domain, "oslo", word="remind")
        wish(domain, "oslo", word="please")
        wish(domain, "oslo", word="remind")
        assert until(lambda: ended(domain) == ["rome"])
        assert until(lambda: [one.key for one in trips.timers()] == ["oslo"])
        assert booked(domain, "LH1") == ["rome"]
        status = trips.status()
        assert (status.state, status.ended, status.error) == ("standby", 1, "")
        assert f"process {child.pid} " in status.led_by
        assert not trips.waits_for("oslo").stuck
        for request in (trips.pause, trips.resume, trips.try_again, trips.stuck):
            with pytest.raises(LedElsewhere, match=f"process {child.pid} .*: ask for it there"):
                request()
        child.kill()
        wish(domain, "bonn", "LH1")
        wish(domain, "oslo", word="soon")
        assert until(lambda: ended(domain) == ["bonn", "rome"])
        assert until(lambda: trips.status().timers == 0), "the timer rings here"
        assert (trips.status().state, trips.status().led_by) == ("following", "")
        assert trips.end("oslo")


@pytest.mark.parametrize(
    ("place", "time"),
    [("vessel rome", 1), pytest.param("react rome", 2, marks=pytest.mark.slow)],
)
def test_an_order_that_a_stopped_program_has_in_hand_takes_effect_once_though_ids_are_forgotten(
    path: Path, start: Start, place: str, time: int
) -> None:
    """It stops while the order is decided, or when the answer comes back."""
    child = start(place, time)
    assert said(child) == "following"
    with open_agency(path) as domain:
        wish(domain, "rome", "LH1")
        assert said(child) == "there"
        stop(child.pid, path)
        for number in range(3 * KEEP_IDS):
            wish(domain, "nobody", word=f"{number}")
        assert until(lambda: ended(domain) == ["rome"]), domain.processes()
        print(file=child.stdin, flush=True)
        go_on(child.pid)
        assert said(child) == "standby"
        for number in range(3 * KEEP_IDS):
            wish(domain, "nobody", word=f"{number}")
        assert booked(domain, "LH1") == ["rome"]
    assert said(child) == "following"


@pytest.mark.slow
def test_programs_with_agendas_in_different_folders_run_a_process_in_one_of_them(
    path: Path, start: Start
) -> None:
    child = start()
    assert said(child) == "following"
    models = path.with_name("elsewhere")
    with Domain.open(path, deciders=DECIDERS, processes=[trip], models=models) as domain:
        wish(domain, "rome", "LH1")
        assert until(lambda: ended(domain) == ["rome"])
        assert domain.processes()[0].state == "standby"
        child.kill()
        assert until(lambda: domain.processes()[0].state == "following")
        wish(domain, "oslo", "LH1")
        assert until(lambda: ended(domain) == ["oslo", "rome"])
        assert booked(domain, "LH1") == ["rome", "oslo"]
