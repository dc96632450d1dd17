"""A run that fails is shrunk to the fewest people and commands with which it still fails."""

from __future__ import annotations

import signal

from tests.simulation.gathering import clerk
from tests.support.party import Party, party

from comity.simulation import Crowd, Network, Person, Run, Scenario, always, crash, slow_disk


def nobody_sits_without_chips(state: Party) -> None:
    assert not (state.seats and state.kitty), f"{len(state.seats)} sit, with {state.kitty} chips"


def failing(*, shrink: bool) -> Run:
    scenario = Scenario(
        "failing",
        deciders=[party],
        crowds=[Crowd(clerk, 20)],
        network=Network(delay=0.2, loss=0.05),
        faults=[slow_disk(0.5, at=10), crash(every=100)],
        invariants=[always(party, nobody_sits_without_chips)],
    )
    return scenario.play(4, shrink=shrink)


def test_a_failing_run_is_shrunk_to_the_fewest_people_and_commands() -> None:
    whole, small = failing(shrink=False), failing(shrink=True)
    assert whole.failure is not None
    assert small.failure is not None
    assert small.failure.kind == whole.failure.kind == "InvariantBroken"
    assert sorted(attempt.command for attempt in small.attempts) == ["Chip", "Invite", "Seat"]
    assert small.shrunk_from == (20, len(whole.attempts))
    assert small.people <= 3
    assert small.story == ()  # no fault is needed


def test_a_person_whose_script_fails_is_left_alone() -> None:
    async def clumsy(person: Person) -> None:
        await person.think(60)
        if person.number == 3:
            raise ValueError("no idea")

    crowds = [Crowd(clerk, 5), Crowd(clumsy, 5)]
    run = Scenario("clumsy", deciders=[party], crowds=crowds).play(shrink=True)
    assert run.failure is not None
    assert "clumsy 3" in run.failure.text
    assert run.people == 1
    assert run.attempts == ()


def test_ctrl_c_returns_the_smallest_run_so_far() -> None:
    plays = 0

    async def impatient(person: Person) -> None:
        nonlocal plays
        plays += 1
        if plays == 3:
            signal.raise_signal(signal.SIGINT)
        await person.think(60)
        raise ValueError("no idea")

    crowds = [Crowd(clerk, 5), Crowd(impatient)]
    run = Scenario("impatient", deciders=[party], crowds=crowds).play(shrink=True)
    assert run.interrupted
    assert run.failure is not None


def test_a_run_that_does_not_fail_is_not_shrunk() -> None:
    run = Scenario("fine", deciders=[party], crowds=[Crowd(clerk, 2)], hours=0.2).play(shrink=True)
    assert run.failure is None
    assert run.shrunk_from is None
