"""The read side's own benchmark, run as a part of this one: its figures, each with its floor."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.process import ROOT


def lines(place: Path | None, options: Sequence[str]) -> list[dict[str, Any]]:
    """What `benchmarks.read_side` measured, each line with part, what, figure, unit and floor.

    Raises:
        RuntimeError: it failed; an answer was wrong, for example.
    """
    command = [sys.executable, "-m", "benchmarks.read_side", "--json", *options]
    command += ["--path", str(place)] if place else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["read_side failed"])[-1])
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
