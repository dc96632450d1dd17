"""Fixtures of the command line's tests: typing a command, and a domain in another process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.shell import Comity, Host, Ran

from comity.actors.projecting.model_follower import ModelFollower
from comity.cli.app import run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def comity(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Comity:
    """Types a command."""
    monkeypatch.setenv("COLUMNS", "80")

    def type_(*words: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["comity", *map(str, words)])
        capfd.readouterr()  # what was printed before is not the command's
        code = run()
        printed = capfd.readouterr()
        return Ran(code, printed.out, printed.err)

    return type_


@pytest.fixture(autouse=True)
def no_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `project` cannot take is tried again at once."""
    monkeypatch.setattr(ModelFollower, "REST", (0.0, 0.0))


@pytest.fixture
def host() -> Iterator[Callable[..., Host]]:
    """Opens a domain in a process of its own; it is closed when the test ends."""
    hosts: list[Host] = []

    def open_(path: Path, *models: str) -> Host:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.host", str(path), *models],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        hosts.append(Host(process))
        return hosts[-1]

    yield open_
    for each in hosts:
        each.close()
