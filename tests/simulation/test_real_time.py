"""The same script in real time, on the disk: with threads, and in an event loop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Literal

import pytest
from tests.simulation.gathering import clerk
from tests.support.guests import Guests
from tests.support.party import Chip, Party, party

from comity.actors import Domain
from comity.engine import WiringError
from comity.simulation import Crowd, Person, RealTime, Scenario, always, crash

WAYS: list[Literal["threads", "asyncio"]] = ["threads", "asyncio"]
FAST = 3_600.0


def team(*crowds: Crowd, hours: float = 1.0) -> Scenario:
    people = crowds or (Crowd(clerk, 5),)
    return Scenario("team", deciders=[party], crowds=people, hours=hours, read_models=[Guests])


@pytest.mark.parametrize("way", WAYS)
def test_the_same_script_is_played_on_the_disk(
    way: Literal["threads", "asyncio"], tmp_path: Path
) -> None:
    run = team().play(3, real_time=RealTime(folder=tmp_path / "team.db", speed=FAST, way=way))
    assert run.failure is None
    assert run.people == 5
    assert len(run.attempts) > 50
    with Domain.open(tmp_path / "team.db", deciders=[party]) as domain:
        changed = sum(domain.aggregate(party, key).version for key in ("monday", "tuesday"))
    assert changed == sum(one.outcome in {"applied", "merged", "rebased"} for one in run.attempts)


def test_people_make_the_same_first_choices_as_in_virtual_time() -> None:
    virtual = team().play(3)
    real = team().play(3, hours=0.1, real_time=RealTime(speed=FAST / 4))
    for name in ("clerk 1", "clerk 2", "clerk 3"):
        mine = [one.text for one in virtual.attempts if one.person == name]
        theirs = [one.text for one in real.attempts if one.person == name]
        assert theirs[:1] == mine[:1]


@pytest.mark.parametrize("way", WAYS)
def test_a_broken_invariant_ends_the_run(way: Literal["threads", "asyncio"]) -> None:
    def no_money(state: Party) -> None:
        assert not state.kitty

    async def donor(person: Person) -> None:
        await person.look(party, "monday")
        await person.do(Chip(amount=5))
        await person.think(1e9)

    scenario = Scenario(
        "donors", deciders=[party], crowds=[Crowd(donor)], invariants=[always(party, no_money)]
    )
    run = scenario.play(real_time=RealTime(speed=60, way=way))
    assert run.failure is not None
    assert run.failure.kind == "InvariantBroken"


@pytest.mark.parametrize("way", WAYS)
def test_people_who_think_past_the_working_time_are_sent_home(
    way: Literal["threads", "asyncio"],
) -> None:
    async def patient(person: Person) -> None:
        await person.think(36_000)

    async def restless(person: Person) -> None:
        while True:
            await person.think(60)

    long = RealTime(speed=36_000, way=way)
    assert team(Crowd(patient)).play(hours=0.1, real_time=long).failure is None
    run = team(Crowd(patient), Crowd(restless)).play(hours=0.1, real_time=long)
    assert run.failure is not None
    assert run.failure.kind == "NeverEnds"
    assert "1 people go on after the working time: restless 1" in run.failure.text


@pytest.mark.parametrize("way", WAYS)
def test_an_error_in_a_script_names_the_person(way: Literal["threads", "asyncio"]) -> None:
    async def clumsy(person: Person) -> None:
        await person.think(1)
        raise error

    for error in (ValueError("no idea"), SystemExit(3)):
        run = team(Crowd(clumsy)).play(real_time=RealTime(speed=FAST, way=way))
        assert run.failure is not None
        assert f"clumsy 1 raised {type(error).__name__} in clumsy" in run.failure.text


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_returns_the_run_so_far(way: Literal["threads", "asyncio"]) -> None:
    async def impatient(person: Person) -> None:
        await person.look(party, "monday")
        await person.do(Chip(amount=5))
        signal.raise_signal(signal.SIGINT)
        await person.think(1e9)

    run = team(Crowd(impatient)).play(real_time=RealTime(way=way))
    assert run.interrupted
    assert run.failure is None
    assert run.outcomes == {"applied": 1}


@pytest.mark.parametrize("way", WAYS)
def test_people_can_wait_for_each_other(way: Literal["threads", "asyncio"]) -> None:
    ready: list[str] = []

    async def meeting(person: Person) -> None:
        await person.think(60 * person.number)
        ready.append(person.name)
        await person.until(lambda: len(ready) == 3)

    assert team(Crowd(meeting, 3)).play(real_time=RealTime(speed=FAST, way=way)).failure is None
    assert len(ready) == 3


def test_what_real_time_cannot_do_is_said(tmp_path: Path) -> None:
    faulty = Scenario("x", deciders=[party], crowds=[Crowd(clerk)], faults=[crash(at=1)])
    with pytest.raises(WiringError, match="virtual time only"):
        faulty.play(real_time=RealTime())
    with pytest.raises(WiringError, match="a new folder"):
        team().play(real_time=RealTime(folder=tmp_path))
    with pytest.raises(WiringError, match="speed"):
        RealTime(speed=0)
    with pytest.raises(WiringError, match='"threads" or "asyncio"'):
        RealTime(way="processes")  # type: ignore[arg-type]


def test_an_event_loop_cannot_be_started_inside_of_another() -> None:
    async def inside() -> None:
        with pytest.raises(WiringError, match="an event loop runs"):
            team().play(real_time=RealTime(speed=FAST, way="asyncio"))

    asyncio.run(inside())


@pytest.mark.parametrize("way", WAYS)
def test_an_error_in_a_condition_names_the_person_who_waits_for_it(
    way: Literal["threads", "asyncio"],
) -> None:
    def impossible() -> bool:
        raise ValueError("no idea")

    async def waiting(person: Person) -> None:
        await person.until(impossible)

    run = team(Crowd(waiting)).play(hours=0.1, real_time=RealTime(speed=FAST, way=way))
    assert run.failure is not None
    assert "waiting 1 raised ValueError in impossible" in run.failure.text
