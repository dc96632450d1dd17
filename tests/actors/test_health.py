"""`domain.health`: whether a domain is alive, ready and well, whatever is broken in it."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from tests.actors.delivering.posts import Posts
from tests.actors.faulty_journal import FaultyJournal, Overtaken, full
from tests.actors.notebook import Misbehave, Stall, Write, notebook
from tests.actors.processes.travel import MISCHIEF, trip, vessels, wish, wishes
from tests.actors.shelf import TORN, TROUBLE, Pages, ParkedPages, until

from comity.actors import Domain, Health, HealthLimits
from comity.actors.operating.health import Standing, health_of
from comity.actors.operating.statuses import Statuses
from comity.engine import Invalid, StorageFull
from comity.engine.journal.memory_journal import MemoryJournal

AT_ONCE = HealthLimits(commit=0, hang=0, outage=0, lag=0)
"""Nothing may take any time."""
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quiet_and_clean(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, logger="comity")
    yield
    for trouble in (MISCHIEF, TROUBLE):
        trouble.clear()


def ok(health: Health) -> tuple[bool, bool, bool]:
    return health.alive.ok, health.ready.ok, health.well.ok


def said(health: Health) -> str:
    return "; ".join(health.well.reasons)


# --- the domain itself ---


def test_a_new_domain_is_alive_ready_and_well() -> None:
    with Domain(MemoryJournal(), deciders=[notebook]) as domain:
        health = domain.health()
    assert ok(health) == (True, True, True)
    assert (health.ok, health.well.reasons, health.outage, health.commit_age) == (True, (), 0, 0)


def test_a_closed_domain_is_not_alive() -> None:
    domain = Domain(MemoryJournal(), deciders=[notebook])
    domain.close()
    assert ok(domain.health()) == (False, False, False)
    assert said(domain.health()) == "the domain is closed; open it again to go on"


def test_a_fork_says_that_it_is_one() -> None:
    with Domain(MemoryJournal(), deciders=[notebook]) as domain:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, said(domain.health()).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert b"is a fork" in os.read(reading, 1_000)
        os.close(reading)
        os.close(writing)


def test_a_domain_that_cannot_write_is_alive_and_not_ready_until_it_can() -> None:
    journal = FaultyJournal()
    with Domain(journal, deciders=[notebook]) as domain:
        journal.fault, journal.recoverable = full, False
        with pytest.raises(StorageFull):
            domain.aggregate(notebook, "a").do(Write(page="p", text="t"))
        assert ok(domain.health()) == (True, False, False)
        assert "the journal has been unable to write for 0 s" in said(domain.health())
        assert domain.health().outage > 0
        assert ok(domain.health(HealthLimits(outage=0))) == (False, False, False)
        journal.fault, journal.recoverable = None, True
        assert until(lambda: domain.health().ok)


def test_a_commit_that_hangs_does_not_hang_the_answer() -> None:
    journal = Overtaken()
    with Domain(journal, deciders=[notebook]) as domain:
        sent = domain.aggregate(notebook, "a").send(Write(page="p", text="t"))
        assert journal.entered.wait(60)
        assert ok(domain.health()) == (True, True, True)
        health = domain.health(HealthLimits(commit=0))
        assert ok(health) == (True, False, False)
        assert health.commit_age > 0
        health = domain.health(HealthLimits(hang=0))
        assert not health.alive.ok
        assert "a commit has been under way for 0 s: the disk hangs" in said(health)
        journal.released.set()
        sent.result(60)
        assert until(lambda: domain.health(HealthLimits(commit=0)).ready.ok)


def test_a_commit_that_waits_for_another_process_is_no_reason_to_restart_this_one() -> None:
    standing = Standing("", 70.0, 69.9, "process 7 ('shop') on here since then")
    health = health_of(standing, Statuses(), NOW, HealthLimits())
    assert ok(health) == (True, False, False)
    assert said(health).startswith("a commit has waited for 1 min 10 s for another process")
    assert "process 7 ('shop')" in said(health)


def test_a_domain_whose_periodic_work_stands_still_is_not_alive() -> None:
    health = health_of(Standing(idle=31.0), Statuses(), NOW, HealthLimits())
    assert said(health) == "its periodic work has not been done for 31 s: it hangs"
    assert not health.alive.ok


def test_each_reason_is_named_once() -> None:
    standing = Standing("", 70.0, 0.0, "", 400.0, "the disk is full", 70.0)
    health = health_of(standing, Statuses(), NOW, HealthLimits())
    assert len(health.well.reasons) == 3
    assert health.alive.reasons == health.ready.reasons == health.well.reasons


# --- read models ---


def test_a_paused_model_is_not_well_and_late_when_events_come(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "t.db", deciders=[notebook], read_models=[Pages]) as domain:
        assert until(lambda: domain.health().ok)
        domain.model(Pages).pause()
        assert ok(domain.health()) == (True, True, False)
        domain.aggregate(notebook, "a").do(Write(page="p", text="t"))
        assert until(lambda: domain.health().models["Pages"] > 0)
        assert ok(domain.health()) == (True, True, False)
        health = domain.health(HealthLimits(lag=0))
        assert ok(health) == (True, False, False)
        assert "read model Pages is 0 s late (paused)" in said(health)
        domain.model(Pages).resume()
        assert until(lambda: domain.health(HealthLimits(lag=0)).ok)


def test_a_stopped_model_says_why(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "t.db", deciders=[notebook], read_models=[Pages]) as domain:
        domain.aggregate(notebook, "a").do(Write(page="p", text=TORN))
        assert until(lambda: "is stopped" in said(domain.health()))
        assert "p is torn" in said(domain.health())
        assert not domain.health(HealthLimits(lag=0)).ready.ok


def test_parked_events_wait_for_a_person(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "t.db", deciders=[notebook], read_models=[ParkedPages]) as domain:
        domain.aggregate(notebook, "a").do(Write(page="p", text=TORN))
        assert until(lambda: "read model ParkedPages has 1 parked event" in said(domain.health()))
        assert ok(domain.health()) == (True, True, False)


def test_a_model_that_is_being_built_is_not_ready(tmp_path: Path) -> None:
    stall = Stall()
    TROUBLE["wait"] = stall
    with Domain.open(tmp_path / "t.db", deciders=[notebook]) as domain:
        domain.aggregate(notebook, "a").do(Misbehave(name="wait", where="evolve"))
    with Domain.open(tmp_path / "t.db", deciders=[notebook], read_models=[Pages]) as domain:
        health = domain.health()
        assert ok(health) == (True, False, False)
        assert "read model Pages cannot be read" in said(health)
        stall.released.set()
        assert until(lambda: domain.health().ok)


def test_a_part_that_cannot_say_its_status_is_told_and_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Domain.open(tmp_path / "t.db", deciders=[notebook], read_models=[Pages]) as domain:
        assert until(lambda: domain.health().ok)
        projector = domain.model(Pages)
        monkeypatch.setattr(projector, "_keeper", None)
        health = domain.health()
        assert ok(health) == (True, True, False)
        assert "read model Pages cannot say how it is" in said(health)
        assert "comity_uptime_seconds" in domain.prometheus()


# --- outlets and processes ---


def test_an_outlet_that_fails_is_not_well_and_the_domain_ready() -> None:
    posts = Posts()
    posts.fails = lambda _: True
    with Domain(MemoryJournal(), deciders=[notebook], outlets=[posts]) as domain:
        domain.aggregate(notebook, "a").do(Write(page="p", text="t"))
        assert until(lambda: domain.health().outlets["Posts"] > 0)
        health = domain.health(HealthLimits(lag=0))
        assert ok(health) == (True, True, False)
        assert "outlet Posts is 0 s late" in said(health)
        domain.outlet(Posts).pause()
        assert until(lambda: "outlet Posts is paused" in said(domain.health()))


class Impatient(Posts):
    """It parks what fails once."""

    tries = 1


def test_a_parked_event_of_an_outlet_waits_for_a_person() -> None:
    posts = Impatient()
    posts.fails = lambda _: True
    with Domain(MemoryJournal(), deciders=[notebook], outlets=[posts]) as domain:
        domain.aggregate(notebook, "a").do(Write(page="p", text="t"))
        assert until(lambda: "outlet Impatient has 1 parked event" in said(domain.health()))
        assert domain.health().ready.ok


def fail() -> None:
    msg = "a bug"
    raise ValueError(msg)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("react rome", "process trip has 1 stuck instance"),
        ("key rome", "process trip is stopped"),
    ],
)
def test_a_process_that_does_not_go_on_waits_for_a_person(
    tmp_path: Path, place: str, why: str
) -> None:
    MISCHIEF[place] = fail
    with Domain.open(tmp_path / "t.db", deciders=[vessels, wishes], processes=[trip]) as domain:
        wish(domain, "rome", "LH1")
        assert until(lambda: why in said(domain.health()))
        assert "a bug" in said(domain.health())
        assert domain.health().processes["trip"] > 0
        assert domain.health().ready.ok


# --- limits ---


@pytest.mark.parametrize("wrong", [None, "5", True, math.nan])
def test_a_limit_is_a_number_of_seconds(wrong: object) -> None:
    with pytest.raises(Invalid, match="lag: expected a number of seconds"):
        HealthLimits(lag=cast("float", wrong))


def test_no_limit_is_infinite(tmp_path: Path) -> None:
    late = Standing("", 1e6, 0.0, "", 1e6, "the disk is full", 1e6)
    limits = HealthLimits(commit=math.inf, hang=math.inf, outage=math.inf, lag=math.inf)
    assert ok(health_of(late, Statuses(), NOW, limits)) == (True, False, False)
