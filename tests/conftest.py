"""How hypothesis draws, and in which order tests run: each the same in every `scripts/test`; and
what the last line of a run says.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Generator, Sequence
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings
from tests.support.left_out import closing_line, reasons, why_deselected

_deselected: list[str] = []
"""Why tests were not chosen: in a worker, or as the first worker has told it."""

# A change must not fail for what was drawn by chance, nor for who else computes on this machine:
# the first is for soak to find, the second for stress.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", patient, derandomize=True)
settings.register_profile("new", patient, max_examples=1_000, print_blob=True)


class Worker(Protocol):
    """A process that runs tests for another one, as pytest-xdist tells of it."""

    workeroutput: dict[str, list[str]]


@pytest.fixture(autouse=True, scope="session")
def heard_interrupts() -> None:
    """In the background a shell has SIGINT ignored, and so would all that the tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--order SEED`, as scripts/stress says it."""
    parser.addoption("--order", type=int, metavar="SEED", help="shuffle all tests by this seed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle across files, so that what one leaves behind meets the tests of all others."""
    seed = config.getoption("order")
    if seed is not None:
        random.Random(seed).shuffle(items)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count what is not chosen; each worker of several is given all tests."""
    _deselected.extend(why_deselected(item) for item in items)
    if items:
        vars(items[0].config).setdefault("workeroutput", {})["deselected"] = _deselected


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Worker) -> None:
    """Take what a worker has counted."""
    _deselected[:] = node.workeroutput.get("deselected", [])


@pytest.hookimpl(wrapper=True, tryfirst=True)  # pytest's own last line is written meanwhile
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Say what was left out."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(reporter, pytest.TerminalReporter):
        reporter.write_line(closing_line([*_deselected, *reasons(reporter.stats)]))
