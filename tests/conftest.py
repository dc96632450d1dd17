"""How hypothesis draws, and in which order tests run: each the same in every `scripts/test`."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, settings

# A change must not fail for what was drawn by chance, nor for who else computes on this machine:
# the first is for soak to find, the second for stress.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", patient, derandomize=True)
settings.register_profile("new", patient, max_examples=1_000, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--order SEED`, as scripts/stress says it."""
    parser.addoption("--order", type=int, metavar="SEED", help="shuffle all tests by this seed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle across files, so that what one leaves behind meets the tests of all others."""
    seed = config.getoption("order")
    if seed is not None:
        random.Random(seed).shuffle(items)
