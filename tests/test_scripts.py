"""The scripts say what they do, and then do nothing, where somebody asks for help."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.parametrize("name", ["install", "test-pythons", "lint", "lock", "bench"])
def test_help_is_the_words_at_the_top_and_nothing_else(name: str) -> None:
    script = SCRIPTS / name
    ran = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=20, check=True)
    first = script.read_text(encoding="utf-8").splitlines()[1]
    assert ran.stdout.startswith(first.removeprefix("# "))
    assert "set -" not in ran.stdout
    assert ran.stderr == ""
