"""A process in a domain: it hears, orders, gets the answers and ends; in simulated time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import cast

import pytest
from tests.actors.processes.travel import (
    CROWD,
    DECIDERS,
    MISCHIEF,
    Ask,
    trip,
    vessels,
    wish,
    wishes,
)

from comity.actors import Domain, Policy
from comity.engine.errors import Invalid
from comity.engine.processes.events import OrderAnswered, OrderGiven, ProcessEnded
from comity.simulation.world.process import Process as Program
from comity.simulation.world.world import World

HOUR = 3_600.0


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, logger="comity")
    yield
    MISCHIEF.clear()


@pytest.fixture
def world() -> Iterator[World]:
    policy = Policy(chores=600.0, failures=1_000)
    with World(7, deciders=DECIDERS, processes=[trip], policy=policy) as world:
        yield world


@pytest.fixture
def program(world: World) -> Program:
    return world.start()


@pytest.fixture
def domain(program: Program) -> Domain:
    return program.domain


def rest(program: Program, seconds: float = 60.0) -> None:
    """Let simulated time pass, in which the process does what it can."""
    program.runtime.wait_until(lambda: False, seconds)


def booked(domain: Domain, vessel: str) -> list[str]:
    return domain.aggregate(vessels, vessel).look().state.trips


def ended(domain: Domain) -> dict[str, str]:
    page = domain.process(trip).instances("ended")
    return {one.key: one.reason for one in page.rows}


def test_a_trip_is_booked_step_by_step(program: Program, domain: Domain) -> None:
    wish(domain, "rome", "LH1", "Hilton", "Fiat")
    rest(program)
    assert ended(domain) == {"rome": "booked"}
    assert [booked(domain, one) for one in ("LH1", "Hilton", "Fiat")] == [["rome"]] * 3


def test_when_the_car_is_refused_the_rest_is_given_back(program: Program, domain: Domain) -> None:
    for name in ("one", "two"):
        wish(domain, name, "Fiat")
    rest(program)
    wish(domain, "rome", "LH1", "Hilton", "Fiat")
    rest(program)
    assert ended(domain)["rome"] == "all given back"
    assert [booked(domain, one) for one in ("LH1", "Hilton")] == [[], []]
    assert sorted(booked(domain, "Fiat")) == ["one", "two"]


def test_its_history_tells_what_it_heard_ordered_and_was_answered(
    program: Program, domain: Domain
) -> None:
    wish(domain, "rome", "LH1")
    rest(program)
    history = [one.event for one in domain.process(trip).history("rome")]
    assert isinstance(history[1], OrderGiven)
    assert isinstance(history[2], OrderAnswered)
    assert isinstance(history[3], ProcessEnded)
    state = domain.process(trip).state("rome")
    assert state is not None
    assert state.booked == ["LH1"]


def test_an_order_names_its_process_and_its_sender(program: Program, domain: Domain) -> None:
    wish(domain, "rome", "LH1")
    rest(program)
    (one,) = domain.history(domain.aggregate(vessels, "LH1"))
    assert (one.who, one.metadata["comity.process"]) == ("trip", "trip/rome")


def test_events_that_begin_nothing_are_passed_over(program: Program, domain: Domain) -> None:
    wish(domain, "rome", word="remind")
    wish(domain, "nobody")
    rest(program)
    assert domain.process(trip).instances().rows == []
    assert domain.processes()[0].unheard == 0


def test_an_ended_instance_begins_anew_with_a_new_state(program: Program, domain: Domain) -> None:
    wish(domain, "rome", "LH1")
    rest(program)
    wish(domain, "rome", word="remind")  # it has ended, and hears nothing
    wish(domain, "rome", "LH2", word="anew")
    rest(program)
    state = domain.process(trip).state("rome")
    assert state is not None
    assert (state.words, state.booked) == (["anew"], ["LH2"])


# --- timers ---------------------------------------------------------------------------------------


def test_a_timer_rings_when_it_is_due_and_once(program: Program, domain: Domain) -> None:
    wish(domain, "rome")
    wish(domain, "rome", word="remind")
    rest(program, 2.9 * HOUR)
    assert rings(domain) == 0
    rest(program, 0.2 * HOUR)
    assert rings(domain) == 1
    rest(program, 9 * HOUR)
    assert rings(domain) == 1


def rings(domain: Domain, key: str = "rome") -> int:
    state = domain.process(trip).state(key)
    return state.rang if state else 0


def test_a_timer_in_the_past_rings_at_once(program: Program, domain: Domain) -> None:
    wish(domain, "rome")
    wish(domain, "rome", word="late")
    rest(program)
    assert rings(domain) == 1


def test_a_timer_that_is_set_again_rings_at_the_later_time(
    program: Program, domain: Domain
) -> None:
    wish(domain, "rome")
    wish(domain, "rome", word="remind")
    rest(program, 2 * HOUR)
    wish(domain, "rome", word="remind")
    rest(program, 2 * HOUR)
    assert rings(domain) == 0
    assert len(domain.process(trip).timers()) == 1
    rest(program, 2 * HOUR)
    assert rings(domain) == 1


@pytest.mark.parametrize("word", ["forget", "enough"])
def test_a_timer_that_is_cancelled_does_not_ring(
    program: Program, domain: Domain, word: str
) -> None:
    wish(domain, "rome")
    wish(domain, "rome", word="remind")
    wish(domain, "rome", word=word)
    rest(program, 9 * HOUR)
    assert rings(domain) == 0
    assert domain.processes()[0].timers == 0


def test_a_timer_rings_after_a_crash(world: World, program: Program) -> None:
    wish(program.domain, "rome")
    wish(program.domain, "rome", word="remind")
    rest(program)
    world.crash()
    world.runtime.wait_until(lambda: False, 5 * HOUR)
    again = world.start()
    rest(again)
    assert rings(again.domain) == 1


def test_a_clock_that_is_set_forward_is_noticed(program: Program, domain: Domain) -> None:
    wish(domain, "rome")
    wish(domain, "rome", word="remind")
    rest(program)
    program.jump(4 * HOUR)
    rest(program, 700)
    assert rings(domain) == 1


def test_a_clock_that_is_set_back_delays_the_timer_and_loses_none(
    program: Program, domain: Domain
) -> None:
    wish(domain, "rome")
    wish(domain, "rome", word="remind")
    rest(program)
    program.jump(-HOUR)
    rest(program, 3.5 * HOUR)
    assert rings(domain) == 0
    rest(program, 1.5 * HOUR)
    assert rings(domain) == 1


# --- failures -------------------------------------------------------------------------------------


def fail() -> None:
    msg = "a bug"
    raise ValueError(msg)


def test_an_instance_that_raises_is_stuck_with_the_reason_and_others_go_on(
    program: Program, domain: Domain
) -> None:
    MISCHIEF["react rome"] = fail
    wish(domain, "rome", "LH1")
    wish(domain, "oslo", "LH1")
    rest(program)
    (stuck,) = domain.process(trip).stuck()
    assert (stuck.key, stuck.doing) == ("rome", "hears Asked (position 2)")
    assert "a bug" in stuck.reason
    assert ended(domain) == {"oslo": "booked"}
    assert domain.processes()[0].stuck == 1
    assert domain.process(trip).waits_for("rome").stuck == [stuck]


def test_a_stuck_instance_goes_on_by_itself_once_the_bug_is_gone(
    program: Program, domain: Domain
) -> None:
    MISCHIEF["react rome"] = fail
    wish(domain, "rome", "LH1")
    wish(domain, "rome", word="hurry")
    rest(program, HOUR)
    MISCHIEF.clear()
    rest(program, 400)
    assert ended(domain) == {"rome": "booked"}
    state = domain.process(trip).state("rome")
    assert state is not None
    assert state.words == ["please", "hurry"]


def test_a_stuck_instance_is_tried_at_once_when_asked(program: Program, domain: Domain) -> None:
    MISCHIEF["react rome"] = fail
    wish(domain, "rome", "LH1")
    rest(program, HOUR)
    MISCHIEF.clear()
    domain.process(trip).try_again("rome")
    rest(program, 1)
    assert ended(domain) == {"rome": "booked"}


def test_an_order_whose_decider_raises_is_stuck_and_is_done_once_it_can_be(
    program: Program, domain: Domain
) -> None:
    MISCHIEF["vessel rome"] = fail
    wish(domain, "rome", "LH1")
    rest(program)
    (stuck,) = domain.process(trip).stuck()
    assert stuck.doing == "orders Reserve of vessel/LH1"
    MISCHIEF.clear()
    rest(program, 400)
    assert booked(domain, "LH1") == ["rome"]


def test_an_instance_can_be_ended_by_hand_with_what_it_waits_for(
    program: Program, domain: Domain
) -> None:
    MISCHIEF["vessel rome"] = fail
    wish(domain, "rome", "LH1")
    wish(domain, "rome", word="remind")
    rest(program)
    waits = domain.process(trip).waits_for("rome")
    assert [one.command for one in waits.orders] == ["Reserve"]
    assert [one.name for one in waits.timers] == ["reminder"]
    with pytest.raises(Invalid, match="End: the reason is a str"):
        domain.process(trip).end("rome", cast("str", 5))
    assert domain.process(trip).end("rome", "by hand")
    assert not domain.process(trip).end("rome", "by hand")
    MISCHIEF.clear()
    rest(program, 9 * HOUR)
    assert ended(domain) == {"rome": "by hand"}
    assert booked(domain, "LH1") == []
    status = domain.processes()[0]
    assert (status.orders, status.timers, status.stuck) == (0, 0, 0)


def test_an_instance_that_cannot_hear_its_first_event_can_be_ended_and_begins_with_the_next(
    program: Program, domain: Domain
) -> None:
    MISCHIEF["react rome"] = fail
    wish(domain, "rome", "LH1")
    wish(domain, "rome", "LH2", word="anew")
    rest(program)
    assert [one.doing[:11] for one in domain.process(trip).stuck()] == ["hears Asked"]
    MISCHIEF.clear()
    assert domain.process(trip).end("rome", "a bad wish")
    rest(program, HOUR)
    assert [booked(domain, one) for one in ("LH1", "LH2")] == [[], ["rome"]]
    assert ended(domain) == {"rome": "booked"}
    assert domain.processes()[0].stuck == 0


def test_a_key_that_raises_stops_the_process_and_nothing_else(
    program: Program, domain: Domain
) -> None:
    MISCHIEF["key rome"] = fail
    wish(domain, "rome", "LH1")
    wish(domain, "oslo", "LH1")
    rest(program)
    status = domain.processes()[0]
    assert status.state == "stopped"
    assert "a bug" in status.error
    MISCHIEF.clear()
    domain.process(trip).try_again()
    rest(program)
    assert ended(domain) == {"rome": "booked", "oslo": "booked"}


def test_a_paused_process_begins_nothing_and_goes_on_later(
    program: Program, domain: Domain
) -> None:
    domain.process(trip).pause()
    wish(domain, "rome", "LH1")
    rest(program)
    status = domain.processes()[0]
    assert (status.state, status.unheard, status.running) == ("paused", 1, 0)
    assert status.oldest is not None
    domain.process(trip).resume()
    rest(program)
    assert ended(domain) == {"rome": "booked"}


def test_a_disk_that_fails_for_a_time_loses_nothing(world: World, program: Program) -> None:
    domain = program.domain
    wish(domain, "rome", "LH1", "Hilton", "Fiat")
    world.disk.is_down = True
    rest(program)
    world.disk.is_down = False
    rest(program)
    assert ended(domain) == {"rome": "booked"}


def test_hundreds_of_timers_that_are_due_at_once_ring_once_each(
    program: Program, domain: Domain
) -> None:
    domain.aggregate(wishes, "rome").send(Ask(word="please")).result(10)
    domain.aggregate(wishes, "rome").send(Ask(word="crowd")).result(10)
    wish(domain, "oslo", "LH1")
    rest(program, 2)
    assert ended(domain) == {"oslo": "booked"}
    assert rings(domain) == CROWD
    assert domain.processes()[0].timers == 0


def test_a_loop_is_bounded_and_said(program: Program, domain: Domain) -> None:
    wish(domain, "rome")
    wish(domain, "rome", word="loop")
    wish(domain, "oslo", "LH1")
    rest(program, 5)
    (stuck,) = domain.process(trip).stuck()
    assert stuck.key == "rome"
    assert "a loop" in stuck.reason
    assert ended(domain) == {"oslo": "booked"}


def test_an_instance_with_hundreds_of_unheard_events_delays_no_other(
    program: Program, domain: Domain
) -> None:
    MISCHIEF["react rome"] = fail
    words = [Ask(word="hurry" if number else "please") for number in range(300)]
    domain.aggregate(wishes, "rome").send_many(words).result(100)
    wish(domain, "oslo", "LH1")
    rest(program, 1)
    assert ended(domain) == {"oslo": "booked"}
    MISCHIEF.clear()
    domain.process(trip).try_again("rome")
    rest(program, 60)
    state = domain.process(trip).state("rome")
    assert state is not None
    assert len(state.words) == 300


def test_an_agenda_that_is_damaged_is_built_anew_and_the_process_goes_on(
    program: Program, domain: Domain
) -> None:
    wish(domain, "rome", "LH1")
    wish(domain, "bell", word="please")
    wish(domain, "bell", word="remind")
    rest(program)
    agenda = domain._assembly.processes.of(trip).agenda  # pyright: ignore[reportPrivateUsage]
    damaged = agenda.keeper.access.reader.environment()
    assert damaged is not None
    damaged.note_damage()
    wish(domain, "oslo", "LH1")
    rest(program, 4 * HOUR)
    assert agenda.keeper.access.reader.environment() is not damaged
    assert ended(domain) == {"rome": "booked", "oslo": "booked"}
    assert rings(domain, "bell") == 1
    assert booked(domain, "LH1") == ["rome", "oslo"]
