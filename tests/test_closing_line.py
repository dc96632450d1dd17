"""The last line of a test run says what was left out, why, and how to have it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import left_out
from tests.support.left_out import closing_line

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest
from tests.support.left_out import NO_BROWSER, NO_RECORDINGS

def test_that_runs(): pass

@pytest.mark.skipif(True, reason=NO_BROWSER)
def test_with_a_browser(): pass

@pytest.mark.parametrize("part", [1, 2])
def test_with_recordings(part): pytest.skip(NO_RECORDINGS)

def test_with_something_else(): pytest.skip("no wish")

@pytest.mark.slow
def test_that_takes_minutes(): pass
"""


def last_line(folder: Path, tests: str, *words: str) -> str:
    """What the last line says after a run of these tests with the settings of the project."""
    (folder / "test_some.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.conftest"]
    command += ["-c", str(ROOT / "pyproject.toml"), str(folder / "test_some.py"), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stderr == ""
    return ran.stdout.splitlines()[-1]


def test_each_reason_is_counted_and_says_what_to_do(tmp_path: Path) -> None:
    assert last_line(tmp_path, TESTS) == (
        "left out: 5 (2 no recordings, COMITY_DATA=FOLDER ./scripts/test; 1 slow, ./scripts/soak; "
        "1 no browser, apt-get install chromium; 1 no wish: -rs says where)"
    )


@pytest.mark.parametrize("words", [("-q",), ("--no-summary", "-x")])
def test_a_run_of_everything_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert (
        last_line(tmp_path, "def test_that_runs(): pass", *words) == "left out of this run: nothing"
    )


def test_a_failure_changes_nothing_about_it(tmp_path: Path) -> None:
    assert last_line(tmp_path, TESTS + "\ndef test_that_fails(): assert False").startswith(
        "left out: 5 ("
    )


def test_what_was_not_asked_for_is_not_called_slow(tmp_path: Path) -> None:
    assert last_line(tmp_path, TESTS, "-k", "that_runs").startswith(
        "left out: 5 (4 not chosen, ./scripts/test without -m, -k, --deselect; 1 slow"
    )


def test_every_reason_of_ours_says_what_to_do() -> None:
    ours = {value for name, value in vars(left_out).items() if name.isupper()}
    assert len(ours) > 3
    for reason in ours:
        assert re.fullmatch(r"left out: 1 \(1 [^:]+, .+\)", closing_line([reason]))
