"""Ten faults to plant in the engine, each as often as it is told: the search must find them.

`strikes()` says each time whether the fault happens. What it is that goes wrong stands in the name.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import pytest

from comity.actors.aggregates import deciding
from comity.actors.aggregates.committer import Committer
from comity.actors.aggregates.decided_turn import DecidedTurn
from comity.actors.aggregates.replica import Replica
from comity.actors.aggregates.task import settle_turns
from comity.actors.assembly.assembly import Assembly
from comity.actors.runtime.pending import wake
from comity.actors.runtime.pooled_actor import PooledActor
from comity.engine import AggregateId, Command, Event, Happened, Sent, merge
from comity.engine.history import history
from comity.engine.history.note import Note
from comity.engine.journal.record import Record
from comity.engine.journal.result import Stored
from comity.engine.journal.snapshot import Snapshot
from comity.engine.merging.decider import AnyDecider
from comity.engine.merging.merge import Decision
from comity.readmodels.projecting.projection import Projection
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.row_change import RowChange
from comity.readmodels.tables.state import Checkpoint
from comity.simulation.world.disk import Platters

Plant: TypeAlias = pytest.MonkeyPatch
Strikes: TypeAlias = Callable[[], bool]
Fault: TypeAlias = Callable[[Plant, Strikes], None]

FAULTS: dict[str, Fault] = {}
F = TypeVar("F", bound=Fault)


def always() -> bool:
    """Strike each time."""
    return True


def rarely(one_in: int = 40) -> Strikes:
    """Strike one time in so many, at the same times in each run."""
    dice = random.Random(one_in)
    return lambda: dice.random() * one_in < 1


def fault(plant: F) -> F:
    """Add to the faults, under what its name says."""
    FAULTS[plant.__name__.replace("_", " ")] = plant
    return plant


@fault
def acknowledge_early(plant: Plant, strikes: Strikes) -> None:
    submit = Committer.submit

    def answer_first(self: Committer, turn: DecidedTurn) -> None:
        if turn.written is not None and strikes():
            position = self._journal.position() + turn.events  # pyright: ignore[reportPrivateUsage]
            wake(settle_turns(turn.answers(Stored(turn.written.last_version, position))))
        submit(self, turn)

    plant.setattr(Committer, "submit", answer_first)


@fault
def forget_a_refusals_id(plant: Plant, strikes: Strikes) -> None:
    store = Platters._store  # pyright: ignore[reportPrivateUsage]

    def forget(self: Platters, record: Record) -> None:
        if Note.unpack(record.note).refusal is None or not strikes():
            store(self, record)

    plant.setattr(Platters, "_store", forget)


@fault
def answer_on_dirty_state(plant: Plant, strikes: Strikes) -> None:
    state_at = Assembly.state_at

    def dirty(
        self: Assembly, decider: AnyDecider, aggregate: AggregateId, version: int | None = None
    ) -> tuple[Any, int]:
        actor = self.live.get(aggregate)
        if version is None and actor is not None and strikes():
            replica = actor._replica  # pyright: ignore[reportPrivateUsage]
            if replica.version:
                return copy.deepcopy(replica.state), replica.version
        return state_at(self, decider, aggregate, version)

    plant.setattr(Assembly, "state_at", dirty)


@fault
def split_checkpoint_from_rows(plant: Plant, strikes: Strikes) -> None:
    move = Projection._move  # pyright: ignore[reportPrivateUsage]

    def rows_only(
        self: Projection,
        writing: Writing,
        moved: Checkpoint,
        changes: Sequence[RowChange] | None,
    ) -> None:
        """The checkpoint is written with the next batch: the process may end before."""
        if not strikes():
            move(self, writing, moved, changes)

    plant.setattr(Projection, "_move", rows_only)


@fault
def skip_the_flush(plant: Plant, strikes: Strikes) -> None:
    flush = Platters.flush

    def skip(self: Platters) -> None:
        if not strikes():
            flush(self)

    plant.setattr(Platters, "flush", skip)


@fault
def swap_two_events(plant: Plant, strikes: Strikes) -> None:
    close = DecidedTurn.close

    def swapped(self: DecidedTurn, snapshot: Snapshot | None) -> None:
        entries = self._entries  # pyright: ignore[reportPrivateUsage]
        if len(entries) > 1 and strikes():
            entries[-2:] = reversed(entries[-2:])
        close(self, snapshot)

    plant.setattr(DecidedTurn, "close", swapped)


@fault
def lose_a_wake_up(plant: Plant, strikes: Strikes) -> None:
    wake_up = PooledActor[Any].wake

    def sleep_on(self: PooledActor[Any]) -> None:
        if not strikes():
            wake_up(self)

    plant.setattr(PooledActor, "wake", sleep_on)


@fault
def drop_one_unseen_event(plant: Plant, strikes: Strikes) -> None:
    since = Replica.since

    def all_but_one(self: Replica, seen: int | None) -> Sequence[Happened[Event]]:
        found = since(self, seen)
        return found[1:] if found and strikes() else found

    plant.setattr(Replica, "since", all_but_one)


@fault
def count_own_events_as_unseen(plant: Plant, strikes: Strikes) -> None:
    def as_nobody(
        decider: AnyDecider,
        state: object,
        version: int,
        command: Command,
        sent: Sent,
        since: Sequence[Happened[Event]],
    ) -> Decision[Command, Event]:
        sent = sent._replace(session="") if strikes() else sent
        return merge(decider, state, version, command, sent, since)

    plant.setattr(deciding, "merge", as_nobody)


@fault
def answer_from_a_stale_state_after_a_restart(plant: Plant, strikes: Strikes) -> None:
    load = Replica.load

    def stale(self: Replica) -> None:
        """The snapshot is taken for the newest state."""
        load(self)
        if strikes():
            self.state, _ = history.base(self.decider, self.journal, self.id)

    plant.setattr(Replica, "load", stale)


def gate_left_open(plant: Plant) -> None:
    """An actor looks at its inbox at the end of a turn, and notes a moment later what it saw."""

    def run(self: PooledActor[Any]) -> None:
        with self._gate:  # pyright: ignore[reportPrivateUsage]
            if not self._queued:  # pyright: ignore[reportPrivateUsage]
                return
            self._queued = False  # pyright: ignore[reportPrivateUsage]
            messages = self._inbox.take(self.TURN)  # pyright: ignore[reportPrivateUsage]
        self.on_turn(messages)
        again = not self._parked and (not self._inbox.empty() or self.more())  # pyright: ignore[reportPrivateUsage]
        with self._gate:  # pyright: ignore[reportPrivateUsage]
            self._scheduled = self._queued = again  # pyright: ignore[reportPrivateUsage]
        if again:
            self._executor.schedule(self)  # pyright: ignore[reportPrivateUsage]

    plant.setattr(PooledActor, "run", run)
