"""A scenario plays people on the real engine, in virtual time: the same seed, the same run."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from tests.support.party import Invite, Party, PartyCommand, PartyEvent, Rename, evolve, party

from comity.engine import Decider, Invalid, Rejected, WiringError
from comity.simulation import Answer, Crowd, Network, Person, Run, Scenario
from comity.simulation.playing import virtual_time

KEYS = ("monday", "tuesday")


async def host(person: Person) -> None:
    await person.look(party, "monday")
    await person.do(Invite(guest="a", name="x"))


async def guest(person: Person) -> None:
    while person.working:
        await person.think(person.exponential(60))
        view = await person.look(party, person.zipf(KEYS))
        await person.think(30)
        if "a" in view.state.names:
            await person.do(Rename(guest="a", name=person.choose("xyz")))
        else:
            await person.do(Invite(guest="a", name="x"))


def planning(delay: float = 0.0, loss: float = 0.0) -> Scenario:
    crowds, network = [Crowd(host), Crowd(guest, 4)], Network(delay=delay, loss=loss)
    return Scenario("planning", deciders=[party], crowds=crowds, network=network)


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = planning().play(7), planning().play(7)
    assert first.attempts == second.attempts
    assert first.trace == second.trace
    assert first.trace != planning().play(8).trace


def test_people_with_old_views_clash() -> None:
    run = planning().play(7)
    clashed = [attempt for attempt in run.attempts if attempt.outcome == "conflicted"]
    assert clashed
    assert all(attempt.unseen and attempt.overlaps for attempt in clashed)
    assert all(attempt.age >= 30 for attempt in clashed)


def test_attempts_are_numbered_in_the_order_in_which_they_were_sent() -> None:
    attempts = planning(delay=0.5).play(1).attempts
    assert [attempt.number for attempt in attempts] == list(range(len(attempts)))
    assert sorted(attempts, key=lambda one: one.sent) == list(attempts)


def test_a_command_takes_effect_once_although_the_network_loses_messages() -> None:
    run = planning(loss=0.1).play(3)
    assert any(attempt.tries > 1 for attempt in run.attempts)
    for key in KEYS:  # each of these commands has one event
        made = [
            one.version
            for one in run.attempts
            if one.aggregate == f"party/{key}"
            if one.outcome in {"applied", "merged"}
        ]
        assert sorted(made, key=str) == sorted(range(len(made)), key=str)


def test_one_person_more_does_not_change_when_the_others_act() -> None:
    def chosen(run: Run, name: str) -> list[float]:
        return [round(one.chosen) for one in run.attempts if one.person == name]

    few = Scenario("few", deciders=[party], crowds=[Crowd(guest, 2)]).play(7)
    many = Scenario("many", deciders=[party], crowds=[Crowd(guest, 3)]).play(7)
    assert chosen(few, "guest 2") == pytest.approx(chosen(many, "guest 2"), abs=2)


def test_a_refusal_is_a_value() -> None:
    answers: list[Answer] = []

    async def renames_nobody(person: Person) -> None:
        await person.look(party, "monday")
        answers.append(await person.do(Rename(guest="nobody", name="x")))

    run = Scenario("refused", deciders=[party], crowds=[Crowd(renames_nobody)]).play()
    [answer] = answers
    assert answer.refused
    assert isinstance(answer.error, Rejected)
    assert run.outcomes == {"rejected": 1}


def test_drafts_of_the_time_offline_are_sent_together_on_the_old_view() -> None:
    async def traveller(person: Person) -> None:
        await person.look(party, "monday")
        async with person.offline() as away:
            await person.do(Invite(guest="a", name="x"))
            await person.think(600)
            await person.do(Rename(guest="a", name="y"))
        assert [answer.outcome for answer in away.answers] == ["merged", "merged"]

    async def other(person: Person) -> None:
        await person.think(60)
        await person.look(party, "monday")
        await person.do(Invite(guest="b", name="z"))

    run = Scenario("away", deciders=[party], crowds=[Crowd(traveller), Crowd(other)]).play()
    assert run.failure is None
    first, second = [one for one in run.attempts if one.person == "traveller 1"]
    assert (first.seen, second.seen) == (0, 0)
    assert second.chosen - first.chosen == pytest.approx(600, abs=1)
    assert first.sent == second.sent


def test_nobody_offline_sees_what_it_never_looked_at() -> None:
    async def lost(person: Person) -> None:
        async with person.offline():
            await person.look(party, "monday")

    run = Scenario("lost", deciders=[party], crowds=[Crowd(lost)]).play()
    assert run.failure is not None
    assert "look before going offline" in run.failure.text


def test_a_refused_command_is_sent_again_after_another_look() -> None:
    async def insistent(person: Person) -> None:
        await person.look(party, "monday")
        await person.think(60)
        await person.do(Rename(guest="a", name=person.name), again=3)

    crowds = [Crowd(host), Crowd(insistent, 2, arrive=30)]
    run = Scenario("again", deciders=[party], crowds=crowds).play()
    _, first, second, third = run.attempts
    assert (first.outcome, second.outcome, third.outcome) == ("applied", "conflicted", "applied")
    assert third.again == second.number


def test_an_error_in_a_script_names_the_person_and_the_line() -> None:
    async def clumsy(person: Person) -> None:
        await person.think(5)
        raise error

    for error in (ValueError("no idea"), SystemExit(3)):
        run = Scenario("clumsy", deciders=[party], crowds=[Crowd(clumsy)]).play()
        kind = type(error).__name__
        assert run.failure is not None
        assert run.failure.kind == kind
        assert f"clumsy 1 raised {kind} in clumsy, test_scenario.py line" in run.failure.text


def test_other_deciders_of_the_same_name_are_played_in_place_of_the_first() -> None:
    strict = Decider("party", Party, refuse, evolve)
    run = planning().play(7, deciders=[strict], policy="nothing goes")
    assert run.policy == "nothing goes"
    assert set(run.outcomes) == {"rejected"}
    with pytest.raises(WiringError, match="replaces no decider"):
        planning().play(deciders=[Decider("other", Party, refuse, evolve)])


def refuse(state: Party, command: PartyCommand) -> list[PartyEvent]:
    raise Rejected("nothing goes")


async def nobody() -> None:
    """Takes no person."""


def test_wrong_arguments_are_refused() -> None:
    for script in (print, nobody):
        with pytest.raises(WiringError, match="`async def` function with one parameter"):
            Crowd(script)  # type: ignore[arg-type]
    with pytest.raises(WiringError, match="two are called 'host'"):
        Scenario("x", deciders=[party], crowds=[Crowd(host), Crowd(host)])
    with pytest.raises(WiringError, match="at least one person"):
        Scenario("x", deciders=[party], crowds=[Crowd(host, 0)])
    with pytest.raises(WiringError, match="list of faults"):
        Scenario("x", deciders=[party], crowds=[Crowd(host)], faults=["crash"])  # type: ignore[list-item]
    with pytest.raises(WiringError, match="expected seconds, or a function"):
        Crowd(host, arrive="soon")  # type: ignore[arg-type]
    with pytest.raises(WiringError, match="deciders is a list"):
        Scenario("x", deciders=[5], crowds=[Crowd(host)])  # type: ignore[list-item]
    with pytest.raises(WiringError, match="network: expected"):
        Scenario("x", deciders=[party], crowds=[Crowd(host)], network=3)  # type: ignore[arg-type]
    with pytest.raises(WiringError, match="real_time: expected"):
        planning().play(real_time=5)  # type: ignore[arg-type]
    with pytest.raises(WiringError, match="seed: expected a number"):
        planning().play(1.5)  # type: ignore[arg-type]
    with pytest.raises(WiringError, match="hours"):
        planning().play(hours=0)
    with pytest.raises(WiringError, match="people"):
        planning().play(people=0)
    with pytest.raises(WiringError, match="loss"):
        Network(loss=1)
    with pytest.raises(Invalid, match="another order in each process"):
        Person.choose(Person.__new__(Person), {1, 2})  # type: ignore[arg-type]


def test_ctrl_c_returns_the_run_so_far() -> None:
    async def impatient(person: Person) -> None:
        await person.think(600)
        signal.raise_signal(signal.SIGINT)

    crowds = [Crowd(guest, 4), Crowd(impatient)]
    run = Scenario("interrupted", deciders=[party], crowds=crowds).play(1)
    assert run.interrupted
    assert run.attempts
    assert run.seconds == pytest.approx(600, abs=10)
    assert run.failure is None


def test_a_second_ctrl_c_ends_an_endless_loop_in_a_script() -> None:
    async def endless(person: Person) -> None:
        await person.think(600)
        while True:
            signal.raise_signal(signal.SIGINT)

    crowds = [Crowd(guest, 4), Crowd(endless)]
    run = Scenario("interrupted", deciders=[party], crowds=crowds).play(1)
    assert run.interrupted
    assert run.attempts
    with pytest.raises(KeyboardInterrupt):  # it is as it was before
        signal.raise_signal(signal.SIGINT)


def test_a_script_that_goes_on_after_the_working_time_is_named() -> None:
    async def restless(person: Person) -> None:
        while True:
            await person.think(60)

    run = Scenario("restless", deciders=[party], crowds=[Crowd(restless, 2)]).play()
    assert run.failure is not None
    assert run.failure.kind == "NeverEnds"
    assert "restless 1, restless 2" in run.failure.text


def test_a_script_that_takes_endless_steps_at_one_moment_is_named() -> None:
    async def hasty(person: Person) -> None:
        while person.working:
            await person.think(0)

    run = Scenario("hasty", deciders=[party], crowds=[Crowd(hasty)]).play()
    assert run.failure is not None
    assert run.failure.kind == "NeverEnds"
    assert "hasty 1 took 20,000 steps and never waited for a second" in run.failure.text


def test_people_can_wait_for_each_other() -> None:
    ready: list[str] = []

    async def meeting(person: Person) -> None:
        await person.think(60 * person.number)
        ready.append(person.name)
        await person.until(lambda: len(ready) == 3)
        await person.look(party, "monday")
        await person.do(Invite(guest=person.name, name="x"))

    run = Scenario("meeting", deciders=[party], crowds=[Crowd(meeting, 3)]).play()
    assert run.failure is None
    assert all(180 <= one.sent < 182 for one in run.attempts)
    assert len(run.attempts) == 3


def test_a_deadlock_names_those_who_wait() -> None:
    async def polite(person: Person) -> None:
        await person.think(1)
        await person.until(lambda: False)

    run = Scenario("polite", deciders=[party], crowds=[Crowd(polite, 2), Crowd(host)]).play()
    assert run.failure is not None
    assert run.failure.kind == "Deadlock"
    assert "polite 1, polite 2" in run.failure.text


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_script_that_waits_for_asyncio_is_named(seconds: int) -> None:
    async def modern(person: Person) -> None:
        await asyncio.sleep(seconds)

    run = Scenario("modern", deciders=[party], crowds=[Crowd(modern)]).play()
    assert run.failure is not None
    assert run.failure.kind == "ForeignWait"
    assert "modern 1" in run.failure.text
    assert "in modern, test_scenario.py line" in run.failure.text
    assert "await person.think(seconds)" in run.failure.text


def test_a_run_can_go_on_without_a_person_whose_script_failed() -> None:
    async def clumsy(person: Person) -> None:
        raise ValueError("no idea")

    crowds = [Crowd(guest, 2), Crowd(clumsy)]
    run = Scenario("clumsy", deciders=[party], crowds=crowds).play(goes_on=True)
    assert run.failure is None
    assert run.attempts
    assert any("clumsy 1 raised ValueError" in line for line in run.story)


def test_a_domain_error_in_decide_fails_the_run() -> None:
    def buggy(state: Party, command: PartyCommand) -> list[PartyEvent]:
        raise ZeroDivisionError("a bug")

    run = planning().play(deciders=[Decider("party", Party, buggy, evolve)])
    assert run.failure is not None
    assert run.failure.kind == "DeciderFailed"
    assert "a bug" in run.failure.text


def test_a_mistake_in_a_function_of_the_domain_fails_the_run() -> None:
    def changing(state: Party, command: PartyCommand) -> list[PartyEvent]:
        state.kitty += 1
        return []

    run = planning().play(deciders=[Decider("party", Party, changing, evolve)])
    assert run.failure is not None
    assert run.failure.kind == "CheckFailed"
    unchecked = planning().play(deciders=[Decider("party", Party, changing, evolve)], checked=False)
    assert unchecked.failure is None


def test_a_seed_of_another_version_is_refused() -> None:
    run = planning().play(7)
    assert run.seed_text == "1-7"
    assert planning().play(run.seed_text).trace == run.trace
    with pytest.raises(WiringError, match="found with version 99"):
        planning().play("99-7")
    with pytest.raises(WiringError, match="expected a number"):
        planning().play("seven")


def test_the_same_seed_gives_the_same_run_in_another_process() -> None:
    code = (
        "from tests.simulation.test_scenario import planning; "
        "print(planning(0.1, 0.1).play(7).trace)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": "."},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == planning(0.1, 0.1).play(7).trace


def test_a_script_that_does_one_thing_after_the_other_without_an_end_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each command takes some time, so a second never has very many steps."""

    async def restless(person: Person) -> None:
        while person.working:
            await person.look(party, "monday")
            await person.do(Rename(guest="a", name=f"{person.now}"))

    monkeypatch.setattr(virtual_time, "AT_ONCE", 300)
    run = Scenario("restless", deciders=[party], crowds=[Crowd(restless)]).play()
    assert run.failure is not None
    assert run.failure.kind == "NeverEnds"
    assert "restless 1 took 300 steps and never waited for a second" in run.failure.text


def test_a_script_that_only_looks_and_never_thinks_is_named() -> None:
    async def staring(person: Person) -> None:
        while person.working:
            await person.look(party, "monday")

    run = Scenario("staring", deciders=[party], crowds=[Crowd(staring)]).play()
    assert run.failure is not None
    assert run.failure.kind == "NeverEnds"
    assert "staring 1 looked 10,000 times at one moment" in run.failure.text


def test_a_script_that_sends_something_in_the_end_is_sent_home() -> None:
    async def polite(person: Person) -> None:
        try:
            await person.think(36_000)
        finally:
            await person.do(Rename(guest="a", name="x"), party, "monday")
            await person.think(36_000)

    run = Scenario("polite", deciders=[party], crowds=[Crowd(polite)]).play(hours=0.1)
    assert run.failure is None
    assert len(run.attempts) == 1


def test_an_error_of_a_script_that_is_sent_home_names_the_person() -> None:
    async def clumsy(person: Person) -> None:
        try:
            await person.think(36_000)
        finally:
            raise ValueError("no idea")

    run = Scenario("clumsy", deciders=[party], crowds=[Crowd(clumsy)]).play(hours=0.1)
    assert run.failure is not None
    assert "clumsy 1 raised ValueError in clumsy" in run.failure.text
