"""Orders of steps: each is a way to choose, and the tape repeats what was chosen."""

from __future__ import annotations

from functools import partial

import pytest

from comity.simulation.runtime.order import (
    DepthFirst,
    FirstInFirstOut,
    Order,
    Priorities,
    RandomOrder,
)
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime
from comity.simulation.runtime.step import Step
from comity.simulation.runtime.tape import Tape


def played(tape: Tape, order: Order | None = None, threads: str = "abc", steps: int = 2) -> str:
    """Which thread did each step; each thread has so many steps, one after another."""
    runtime, done = SimulatedRuntime(tape, order), list[str]()

    def do(name: str, left: int) -> None:
        done.append(name)
        if left > 1:
            runtime.add(Step(name, partial(do, name, left - 1)))

    for name in threads:
        runtime.add(Step(name, partial(do, name, steps)))
    runtime.wait_until(lambda: len(done) == len(threads) * steps)
    return "".join(done)


def test_the_oldest_step_comes_first() -> None:
    assert played(Tape(1), FirstInFirstOut()) == "abcabc"


def test_a_seed_chooses_the_order() -> None:
    assert played(Tape(1)) == played(Tape(1))
    assert len({played(Tape(seed)) for seed in range(50)}) > 20


def test_depth_first_plays_every_order_once() -> None:
    order, found = DepthFirst(10), list[str]()
    while order.has_more():
        found.append(played(Tape(0), order, threads="ab"))
    assert sorted(found) == ["aabb", "abab", "abba", "baab", "baba", "bbaa"]


def test_depth_first_is_bounded() -> None:
    order, found = DepthFirst(1), list[str]()
    while order.has_more():
        found.append(played(Tape(0), order))
    assert [one[0] for one in found] == ["a", "b", "c"]


def test_priorities_hold_a_thread_up_for_long() -> None:
    def held_up(order: Order) -> bool:
        return any(played(Tape(seed), order, "ab", 30)[:30] == "b" * 30 for seed in range(20))

    assert held_up(Priorities(changes=1, steps=60))
    assert not held_up(RandomOrder())


@pytest.mark.parametrize("order", [RandomOrder(), Priorities(), FirstInFirstOut()])
def test_a_tape_repeats_the_run_of_every_order(order: Order) -> None:
    tape = Tape(5, keeps=True)
    first = played(tape, order, "abcd", 5)
    assert played(Tape(draws=tape.draws), threads="abcd", steps=5) == first


def test_an_empty_tape_is_first_in_first_out() -> None:
    assert played(Tape(draws={})) == "abcabc"


def test_a_stream_gives_what_it_gave_whatever_others_draw() -> None:
    one, other = Tape(3), Tape(3)
    other.stream("b").random()
    assert one.stream("a").random() == other.stream("a").random()


def test_a_stream_is_random_as_any_other_and_can_be_repeated() -> None:
    def draw(tape: Tape) -> list[object]:
        dice = tape.stream("x")
        some: list[object] = [dice.choice("abc"), dice.uniform(1, 2), dice.sample(range(9), 3)]
        return [*some, dice.expovariate(0.1), dice.chance(0.5), dice.below(7), dice.randbytes(9)]

    tape = Tape(8, keeps=True)
    first = draw(tape)
    assert draw(Tape(draws=tape.draws)) == first != draw(Tape(9))
