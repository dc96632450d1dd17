"""What pykka's refs can do with an actor that has no thread."""

from __future__ import annotations

import pykka
import pytest

from comity.actors.runtime.pooled_actor import PooledActor
from comity.engine import Busy
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime


class Heard(PooledActor[str]):
    """Keeps what it was told."""

    def __init__(self, runtime: SimulatedRuntime, capacity: int = 3) -> None:
        super().__init__(runtime.executor("heard"), "heard", capacity)
        self.heard: list[str] = []

    def on_turn(self, messages: list[str]) -> None:
        """Keep it."""
        self.heard += messages


def test_what_its_ref_is_told_it_hears_in_order() -> None:
    runtime = SimulatedRuntime(1)
    actor = Heard(runtime)
    for word in ("one", "two", "three"):
        actor.actor_ref.tell(word)
    assert runtime.wait_until(lambda: len(actor.heard) == 3)
    assert actor.heard == ["one", "two", "three"]


def test_over_its_bound_a_ref_is_told_so() -> None:
    actor = Heard(SimulatedRuntime(1), capacity=1)
    actor.actor_ref.tell("one")
    with pytest.raises(Busy):
        actor.actor_ref.tell("two")


def test_whoever_tells_a_retired_actor_is_told_that_it_is_dead() -> None:
    actor = Heard(SimulatedRuntime(1))
    ref = actor.actor_ref
    assert ref.is_alive()
    assert actor.retire()
    assert not ref.is_alive()
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("one")
    with pytest.raises(pykka.ActorDeadError):  # it has retired just after the ref has looked
        ref.actor_inbox.put(_Letter())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - as a ref puts it


class _Letter:
    message = "late"


def test_asking_is_refused_at_once() -> None:
    with pytest.raises(NotImplementedError, match="Pending"):
        Heard(SimulatedRuntime(1)).actor_ref.ask("one")
