"""A script that reads a real clock, or draws by real chance, is found and named."""

from __future__ import annotations

import gc
import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from tests.support.party import party

from comity.simulation import Crowd, Person, Run, Scenario

REAL: dict[str, Callable[[], object]] = {
    "time.time": time.time,
    "time.monotonic": time.monotonic,
    "time.sleep": lambda: time.sleep(0),
    "datetime.now": lambda: datetime.now(UTC),
    "date.today": date.today,
    "random.random": random.random,
    "random.getrandbits": lambda: random.choice([1, 2, 3]),
    "os.urandom": uuid.uuid4,
}


def run_of(call: Callable[[], object]) -> Run:
    async def worker(person: Person) -> None:
        await person.think(1)
        call()
        await person.think(1)

    return Scenario("worker", deciders=[party], crowds=[Crowd(worker, 2)]).play()


@pytest.mark.parametrize("name", REAL)
def test_it_is_found_and_named(name: str) -> None:
    run = run_of(REAL[name])
    assert run.failure is not None
    assert run.failure.kind == "NotRepeatable"
    assert f"{name}() in " in run.failure.text
    assert "test_watch.py line" in run.failure.text


def test_a_generator_with_a_seed_of_its_own_is_allowed() -> None:
    dice = random.Random(7)
    assert run_of(dice.random).failure is None
    assert run_of(lambda: dice.choice("xyz")).failure is None


def test_the_clock_of_a_given_time_is_allowed() -> None:
    assert run_of(lambda: datetime.fromtimestamp(0, UTC)).failure is None


def test_what_the_garbage_collector_calls_is_no_part_of_the_run() -> None:
    def read_the_clock(phase: str, info: dict[str, int]) -> None:
        time.perf_counter()  # as Hypothesis does

    gc.callbacks.append(read_the_clock)
    try:
        assert run_of(gc.collect).failure is None
    finally:
        gc.callbacks.remove(read_the_clock)
