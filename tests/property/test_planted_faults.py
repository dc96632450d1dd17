"""The witness is worth something: each of these faults, planted into the engine, it finds."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

import pytest
from tests.property.story import SlowJournal, Story
from tests.property.witness import Broken, check
from tests.support.party import ThemeSet

from comity.actors.aggregates import aggregate_actor, deciding
from comity.actors.aggregates.aggregate_actor import AggregateActor
from comity.actors.aggregates.decided_turn import DecidedTurn
from comity.actors.aggregates.deciding import decide
from comity.actors.aggregates.flight import Flight
from comity.actors.aggregates.replica import Replica
from comity.actors.aggregates.task import Answer, Task
from comity.actors.runtime.pending import Waiter, settle
from comity.engine import ComityError, Command, Event, Footprint, Happened, Refused, Sent, merge
from comity.engine.history.note import Note
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import AnyDecider
from comity.engine.merging.merge import Decision
from comity.engine.merging.sent import Sender
from comity.engine.merging.since import Since

MERGING = importlib.import_module("comity.engine.merging.merge")

MOST = 500
"""Seeds in which a fault must show. All of them do in a hundred, most in the first ones."""

Plant = pytest.MonkeyPatch
Answers: TypeAlias = Sequence[tuple[Task, Answer | ComityError]]

FAULTS: dict[str, Callable[[Plant], None]] = {}
F = TypeVar("F", bound=Callable[[Plant], None])


def fault(plant: F) -> F:
    """Add to the faults, under what its name says."""
    FAULTS[plant.__name__.replace("_", " ")] = plant
    return plant


@fault
def unseen_events_are_overlooked(plant: Plant) -> None:
    def nothing(_replica: Replica, _seen: int) -> tuple[()]:
        return ()

    plant.setattr(Replica, "since", nothing)


@fault
def the_newest_events_count_as_those_of_any_session(plant: Plant) -> None:
    is_seen_by = Replica.is_seen_by

    def by_anybody(self: Replica, sender: Sender) -> bool:
        last = self._last_session  # pyright: ignore[reportPrivateUsage]
        return is_seen_by(self, sender._replace(session=last) if sender.session else sender)

    plant.setattr(Replica, "is_seen_by", by_anybody)


@fault
def overlaps_are_overlooked(plant: Plant) -> None:
    def nowhere(
        _since: Since[Event], _ours: Footprint, _own: Sequence[int] = ()
    ) -> dict[int, tuple[object, ...]]:
        return {}

    plant.setattr(Since, "meetings", nowhere)


@fault
def everything_commutes(plant: Plant) -> None:
    def always(_one: Event, _other: Event) -> bool:
        return True

    plant.setattr(MERGING, "commute", always)


@fault
def the_senders_own_events_clash(plant: Plant) -> None:
    def as_nobody(
        decider: AnyDecider,
        state: object,
        version: int,
        command: Command,
        sent: Sent,
        since: Sequence[Happened[Event]],
    ) -> Decision[Command, Event]:
        return merge(decider, state, version, command, sent._replace(session=""), since)

    plant.setattr(deciding, "merge", as_nobody)


@fault
def a_class_says_that_it_commutes_and_does_not(plant: Plant) -> None:
    plant.setattr(ThemeSet, "commutes", True)


@fault
def a_retry_takes_effect_again(plant: Plant) -> None:
    def forget(_actor: AggregateActor, task: Task) -> bool:
        task.retry = False
        return False

    plant.setattr(AggregateActor, "_answered_before", forget)


@fault
def an_id_is_good_for_any_command(plant: Plant) -> None:
    def always(_command: Command, _note: Note) -> bool:
        return True

    plant.setattr("comity.actors.aggregates.retries.same", always)


@fault
def a_lost_state_is_kept(plant: Plant) -> None:
    load = AggregateActor._load  # pyright: ignore[reportPrivateUsage]

    def keep(self: AggregateActor) -> bool:
        replica, flight = self._replica, self._flight  # pyright: ignore[reportPrivateUsage]
        if not replica.version:
            return load(self)
        replica.version = self._services.journal.version(self.id)  # pyright: ignore[reportPrivateUsage]
        flight.load(replica.version)
        return True

    plant.setattr(AggregateActor, "_load", keep)


@fault
def what_was_lost_is_answered_all_the_same(plant: Plant) -> None:
    lose = Flight.lose

    def answer(self: Flight, answers: Answers = ()) -> list[Waiter]:
        """Refusals and previews hold nothing that could be stale, one might think."""
        lost = [one for turn in self._air for one in turn.tasks]  # pyright: ignore[reportPrivateUsage]
        settle([(one, one.own) for one in lost if one.own])
        return lose(self, answers)

    plant.setattr(Flight, "lose", answer)


@fault
def refusals_do_not_wait_for_the_disk(plant: Plant) -> None:
    def at_once(replica: Replica, task: Task, now: int, turn: DecidedTurn) -> None:
        decide(replica, task, now, turn)
        if isinstance(task.own, Refused):
            settle([(task, task.own)])

    plant.setattr(aggregate_actor, "decide", at_once)


@fault
def what_is_decided_again_comes_last(plant: Plant) -> None:
    gather = Flight.gather

    def newest_first(self: Flight, tasks: Sequence[Task] = ()) -> Sequence[Task] | None:
        self._waiting = [*tasks, *self._waiting]  # pyright: ignore[reportPrivateUsage]
        return gather(self)

    plant.setattr(Flight, "gather", newest_first)


@fault
def the_journal_does_not_look_who_was_first(plant: Plant) -> None:
    append = SlowJournal.append

    def whatever(
        self: SlowJournal, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()
    ) -> list[Result]:
        results: list[Result] = []
        for turn in turns:
            here = turn._replace(expected=self.version(turn.aggregate))
            results += append(self, [here])
        append(self, [], snapshots)
        return results

    plant.setattr(SlowJournal, "append", whatever)


@fault
def a_snapshot_is_of_another_version(plant: Plant) -> None:
    snapshot = Replica.snapshot

    def older(self: Replica) -> Snapshot | None:
        made = snapshot(self)
        return made and made._replace(version=made.version - 1)

    plant.setattr(Replica, "snapshot", older)


@fault
def the_tail_is_cut_too_short(plant: Plant) -> None:
    def older(self: Replica, seen: int, first: int) -> list[Happened[Event]]:
        return []

    plant.setattr(Replica, "_older", older)


def found(folder: Path) -> str:
    """What the witness says, once it says something."""
    for seed in range(MOST):
        try:
            check(Story(seed, folder, domains=1 + seed % 3).play())
        except Broken as broken:
            return str(broken)
    return ""


@pytest.mark.parametrize("planted", FAULTS)
def test_the_witness_notices_when(planted: str, plant: Plant, tmp_path: Path) -> None:
    FAULTS[planted](plant)
    assert found(tmp_path)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Plants a fault, and pulls it out after the test."""
    return monkeypatch
