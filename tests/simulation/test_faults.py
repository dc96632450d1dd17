"""What goes wrong on request: nothing acknowledged is lost, and the story tells what happened."""

from __future__ import annotations

import pytest
from tests.simulation.gathering import clerk
from tests.support.guests import Guests
from tests.support.party import party

from comity.engine import WiringError
from comity.simulation import (
    Crowd,
    Network,
    Scenario,
    always,
    clock_jump,
    crash,
    failing_disk,
    failing_model,
    lagging_model,
    power_cut,
    second_process,
    slow_disk,
)
from comity.simulation.playing.faults import Fault

FAULTS = {
    "crashes": crash(every=300),
    "power cuts": power_cut(every=600),
    "a slow disk": slow_disk(1.0, at=60, lasting=1200),
    "a disk that fails now and then": failing_disk(0.5, every=600, lasting=60),
    "a disk that fails": failing_disk(at=600, lasting=60),
    "a model that lags": lagging_model(Guests, 20, at=60),
    "a model that fails": failing_model(Guests, at=600, lasting=300),
    "a clock that jumps back": clock_jump(-3600, at=600),
    "a second process": second_process(at=300),
}


def working(*faults: Fault) -> Scenario:
    return Scenario(
        "working",
        deciders=[party],
        crowds=[Crowd(clerk, 4)],
        read_models=[Guests],
        network=Network(delay=0.1, loss=0.02),
        faults=faults,
    )


@pytest.mark.parametrize("name", FAULTS)
def test_all_promises_hold(name: str) -> None:
    run = working(FAULTS[name]).play(5)
    assert run.failure is None
    assert run.story
    assert set(run.outcomes) & {"applied", "merged"}


def test_all_promises_hold_if_everything_goes_wrong_at_once() -> None:
    run = working(*FAULTS.values()).play(6)
    assert run.failure is None
    assert run.trace == working(*FAULTS.values()).play(6).trace


def test_the_story_tells_each_fault_with_its_time() -> None:
    run = working(crash(at=90, down=30)).play(1)
    assert run.story == (
        "00:01:30.000 the server crashes.",
        "00:02:00.000 the server starts again.",
    )


def test_nobody_gets_an_answer_while_the_domain_is_down() -> None:
    run = working(crash(at=600, down=600)).play(2)
    decided = [one for one in run.attempts if one.version is not None and one.answered]
    assert not [one for one in decided if 601 < (one.answered or 0) < 1200]
    assert "Closed" in run.outcomes


def test_a_model_that_fails_is_as_it_was_after_a_run_that_ends_early() -> None:
    project = Guests.project
    run = Scenario(
        "broken",
        deciders=[party],
        crowds=[Crowd(clerk, 4)],
        read_models=[Guests],
        faults=[failing_model(Guests, at=60, lasting=3000)],
        invariants=[always(party, lambda state: not state.kitty)],
    ).play(5)
    assert run.failure is not None
    assert Guests.project is project


def test_a_fault_needs_a_time() -> None:
    with pytest.raises(WiringError, match="either `at` or `every`"):
        crash()
    with pytest.raises(WiringError, match="either `at` or `every`"):
        crash(at=1, every=1)
    with pytest.raises(WiringError, match="seconds above 0"):
        slow_disk(1, at=-1)


def test_a_fault_of_a_model_that_is_not_played_is_refused() -> None:
    for fault in (failing_model(Guests, at=60), lagging_model(Guests, 20, at=60)):
        with pytest.raises(WiringError, match="Guests is not in read_models; add it"):
            Scenario("none", deciders=[party], crowds=[Crowd(clerk)], faults=[fault])


def test_a_clock_jumps_by_a_number_of_seconds() -> None:
    with pytest.raises(WiringError, match="clock_jump: expected a number of seconds, got nan"):
        clock_jump(float("nan"), at=1)


def test_a_model_that_works_again_may_be_stopped_by_a_crash() -> None:
    """It takes what it missed, slowly, and the process crashes in the middle of that."""
    slow = lagging_model(Guests, 20, at=60, lasting=3000)
    run = working(slow, failing_model(Guests, at=600, lasting=300), crash(at=905)).play(5)
    assert run.failure is None
    assert run.seconds > 3_000


def test_people_whose_requests_get_no_answer_any_more_are_not_blamed() -> None:
    """They began within the working time, and try again until they are sent home."""
    run = working(crash(at=1800, down=36_000)).play(5)
    assert run.failure is None
    assert run.seconds > 7_000


def test_a_fault_of_a_process_that_does_not_run_yet_does_nothing() -> None:
    second = "second server"
    early = [crash(at=60, process=second), clock_jump(5, at=60, process=second)]
    assert working(*early, second_process(at=600)).play(5).failure is None
    with pytest.raises(WiringError, match="expected 'server' or 'second server', got 'third'"):
        crash(at=60, process="third")
