"""The user's invariants are checked after each change, and a run ends where one is broken."""

from __future__ import annotations

import dataclasses

import pytest
from tests.simulation.gathering import clerk
from tests.support.guests import Guests
from tests.support.party import Party, party

from comity.actors import Aggregate, View
from comity.actors.aggregates import committer
from comity.engine import Command, Event, WiringError
from comity.simulation import Crowd, Scenario, always
from comity.simulation.playing.replicas import Replicas


def nobody_is_called_z(state: Party) -> None:
    assert "z" not in state.names.values(), "somebody is called z"


def all_names_are_short(model: Guests) -> bool:
    return all(len(row.name) == 1 for row in model.rows.all().page(limit=10).rows)


def nobody_is_listed_as_z(model: Guests) -> bool:
    return all(row.name != "z" for row in model.rows.all().page(limit=10).rows)


def playing(*invariants: object) -> Scenario:
    return Scenario(
        "checked",
        deciders=[party],
        crowds=[Crowd(clerk, 3)],
        read_models=[Guests],
        invariants=invariants,  # type: ignore[arg-type]
    )


def test_a_broken_invariant_of_an_aggregate_ends_the_run() -> None:
    run = playing(always(party, nobody_is_called_z)).play(1)
    assert run.failure is not None
    assert run.failure.kind == "InvariantBroken"
    assert "nobody_is_called_z does not hold for party/" in run.failure.text
    assert "somebody is called z" in run.failure.text
    assert "name='z'" in run.failure.text
    assert run.seconds < 3600


def test_a_broken_invariant_of_a_read_model_ends_the_run() -> None:
    run = playing(always(Guests, nobody_is_listed_as_z)).play(1)
    assert run.failure is not None
    assert run.failure.text == "nobody_is_listed_as_z does not hold for Guests: it returned False"


def test_invariants_that_hold_change_nothing() -> None:
    run = playing(always(Guests, all_names_are_short), always(party, bool)).play(1)
    assert run.failure is None
    assert run.outcomes == playing().play(1).outcomes


def test_an_invariant_is_of_something_that_is_played() -> None:
    with pytest.raises(WiringError, match="expected a decider or a read model"):
        always(Party, nobody_is_called_z)  # type: ignore[type-var]
    with pytest.raises(WiringError, match="not played here"):
        Scenario(
            "x", deciders=[party], crowds=[Crowd(clerk)],
            invariants=[always(Guests, all_names_are_short)],
        )  # fmt: skip


def test_a_command_that_never_gets_an_answer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(answers: object) -> list[object]:
        return []

    monkeypatch.setattr(committer, "settle_turns", forget)
    run = playing().play(1, hours=0.1)
    assert run.failure is not None
    assert run.failure.kind == "PromiseBroken"
    assert "never got an answer" in run.failure.text


def test_people_who_saw_another_state_than_the_engine_reads_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(state: Party) -> Party:
        return dataclasses.replace(state, kitty=state.kitty + 1)

    before = Replicas.look

    def look(self: Replicas, aggregate: Aggregate[Party, Command, Event]) -> View[Party]:
        view = before(self, aggregate)
        self._replicas[aggregate.id].state = wrong(view.state)  # pyright: ignore[reportPrivateUsage]
        return view

    monkeypatch.setattr(Replicas, "look", look)
    run = playing().play(1, hours=0.1)
    assert run.failure is not None
    assert "differs from what people saw" in run.failure.text
