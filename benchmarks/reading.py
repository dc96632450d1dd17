"""Runs the read side's own benchmark, and returns its figures with their floors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.process import ROOT


def lines(place: Path | None, options: Sequence[str]) -> list[dict[str, Any]]:
    """The lines of `benchmarks.read_side`, each with part, what, figure, unit and floor.

    Raises:
        RuntimeError: it failed, for example because an answer was wrong.
    """
    command = [sys.executable, "-m", "benchmarks.read_side", "--json", *options]
    command += ["--path", str(place)] if place else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["read_side failed"])[-1])
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
