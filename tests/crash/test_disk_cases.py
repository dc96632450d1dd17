"""What a failing disk does to one thing at a time: the cases of `disk_cases`, in one program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.crash.disk_cases import CASES
from tests.support import failing_disk

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.skipif(
        failing_disk.COMPILER is None,
        reason="a disk that fails is made in C, and there is no cc here: install a C compiler",
    ),
    pytest.mark.timeout(600),  # the first waits for all cases
]


@pytest.fixture(scope="session")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What went wrong in each case; empty where nothing did."""
    folder = tmp_path_factory.mktemp("disk")
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.disk_cases", os.fspath(folder)],
        cwd=ROOT, env=failing_disk.environment(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, done.stdout.splitlines())
    return {line["case"]: line["error"] for line in lines}


@pytest.mark.parametrize("case", CASES)
def test_on_a_failing_disk(case: str, errors: dict[str, str]) -> None:
    assert not errors[case], errors[case]
