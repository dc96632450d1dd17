"""The search is worth something: ten faults that are planted in the engine, it finds."""

from __future__ import annotations

import logging

import pytest
from tests.simulation.planted import FAULTS, Strikes, always, rarely
from tests.simulation.search import play

from comity.engine import ComityError

MOST = 100
"""Seeds in which a fault must show that strikes each time; the last one shows in the 17th."""
MOST_IF_RARE = 1_000
"""The same if it strikes one time in 40; the last one shows in the 155th."""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")


def found(most: int) -> str:
    """What the search says, once it says something."""
    for number in range(most):
        try:
            play(number)
        except (AssertionError, ComityError) as broken:
            return f"seed {number}: {broken}"
    return ""


def test_there_are_ten() -> None:
    assert len(FAULTS) == 10


@pytest.mark.parametrize("planted", FAULTS)
def test_seeds_find_that_engines(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[planted](monkeypatch, always)
    assert found(MOST)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("planted", FAULTS)
def test_seeds_find_that_engines_rarely(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    strikes: Strikes = rarely(40)
    FAULTS[planted](monkeypatch, strikes)
    text = found(MOST_IF_RARE)
    print(f"{planted}: {text}")
    assert text
