"""A process that orders something of itself, or of an aggregate that always refuses: it is a loop.

It ends, is said, and delays nobody else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from comity.actors import Domain
from comity.engine import (
    Answered,
    Command,
    Decider,
    Event,
    Heard,
    Order,
    Process,
    Rang,
    Rejected,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime

BOUND = 10


class Add(Command):
    to: str


class Added(Event):
    to: str


def decide(count: int, command: Add) -> Iterator[Added]:
    if command.to == "nobody":
        raise Rejected("nobody wants it")
    yield Added(to=command.to)


def add(count: int, event: Added) -> int:
    return count + 1


counters = Decider("counter", int, decide, add)


def key(event: Added, heard: Heard) -> str:
    return heard.aggregate.key


def count(heard: int, thing: Added | Answered | Rang) -> int:
    return heard + 1


def react(heard: int, thing: Added | Answered | Rang) -> Iterator[Order]:
    """Order the same again of whom it heard; and what is refused again and again."""
    match thing:
        case Added(to="itself"):
            yield Order(counters, "itself", Add(to="itself"))
        case Added(to="stubborn"):
            yield Order(counters, "stubborn", Add(to="nobody"), name="no")
        case Answered(order="no"):
            yield Order(counters, "stubborn", Add(to="nobody"), name="no")
        case Added(to="other"):
            yield Order(counters, "done", Add(to="done"))
        case _:
            pass


echo = Process(
    "echo", int, key, count, react, starts=[Added], orders=[counters],
    most_hops=BOUND, most_steps=BOUND,
)  # fmt: skip


@pytest.fixture
def runtime() -> SimulatedRuntime:
    return SimulatedRuntime()


@pytest.fixture
def echoes(
    tmp_path: Path, runtime: SimulatedRuntime, caplog: pytest.LogCaptureFixture
) -> Iterator[Domain]:
    caplog.set_level(logging.CRITICAL, logger="comity")
    with Domain(
        MemoryJournal(), deciders=[counters], processes=[echo], models=tmp_path, runtime=runtime
    ) as echoes:
        yield echoes


def ask(echoes: Domain, name: str) -> None:
    echoes.aggregate(counters, name).send(Add(to=name)).result()


def count_of(echoes: Domain, name: str) -> int:
    return echoes.version(echoes.aggregate(counters, name))


@pytest.mark.parametrize(
    ("name", "times", "said"),
    [
        ("itself", 1 + BOUND, "a loop: 10 orders of processes led to it"),
        ("stubborn", 1, "a loop: 10 of its steps followed each other"),
    ],
)
def test_a_loop_ends_and_is_said_and_others_go_on(
    name: str, times: int, said: str, echoes: Domain, runtime: SimulatedRuntime
) -> None:
    ask(echoes, name)
    assert runtime.wait_until(lambda: echoes.processes()[0].stuck == 1)
    (stuck,) = echoes.process(echo).stuck()
    assert (stuck.key, said in stuck.reason) == (name, True)
    assert count_of(echoes, name) == times
    ask(echoes, "other")
    assert runtime.wait_until(lambda: count_of(echoes, "done") == 1)


def test_a_loop_can_be_ended_by_hand(echoes: Domain, runtime: SimulatedRuntime) -> None:
    ask(echoes, "stubborn")
    assert runtime.wait_until(lambda: echoes.processes()[0].stuck == 1)
    assert echoes.process(echo).end("stubborn", "nobody wants it")
    assert runtime.wait_until(lambda: echoes.processes()[0].stuck == 0)
    assert echoes.processes()[0].orders == 0
