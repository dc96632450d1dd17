"""The search of the whole engine: nothing is found in it, and a seed is one run everywhere."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.simulation.search import Seed, order_of, search
from tests.simulation.whole_engine import VERSION, WholeEngine

from comity.simulation.runtime.tape import Tape

ROOT = Path(__file__).parents[2]
TRACES = """
import logging
logging.disable(logging.CRITICAL)
from tests.simulation.test_seeds import traces
print(traces())
"""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")


def traces() -> list[int]:
    """What some seeds come to."""
    found: list[int] = []
    for number in range(12):
        story = WholeEngine(Tape(number), order_of(number))
        story.play()
        found.append(story.world.runtime.trace)
    return found


def test_nothing_is_found_in_the_engine() -> None:
    assert search(0, 120) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_is_found_in_many_more_seeds() -> None:
    assert search(0, 20_000) == []


def test_a_seed_is_the_same_run_in_another_process() -> None:
    there = subprocess.run(
        [sys.executable, "-c", TRACES],
        check=True, capture_output=True, text=True, cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert there.stdout.strip() == str(traces())


def test_a_tape_that_is_played_again_is_the_same_run() -> None:
    for number in range(12):
        first = WholeEngine(Tape(number, keeps=True), order_of(number))
        first.play()
        again = WholeEngine(Tape(draws=first.world.runtime.tape.draws))
        again.play()
        assert again.world.runtime.trace == first.world.runtime.trace


def test_another_seed_is_another_run() -> None:
    assert len(set(traces())) == 12


def test_a_seed_is_read_as_it_is_printed() -> None:
    assert Seed.read(str(Seed(VERSION, 17))) == Seed.read("17") == (VERSION, 17)


def test_a_seed_of_an_older_search_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="of version 0 of the search, and this is version"):
        Seed.read("0:17")


@pytest.mark.parametrize("text", ["", "x", "1:", "1:x", "x:1", "-1"])
def test_a_text_that_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a seed such as"):
        Seed.read(text)
