"""Runs one job in a process of its own, with the interpreter and the sources that it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.contender import CONTENDERS
from benchmarks.job import Job, Result

ROOT: Final = Path(__file__).resolve().parents[1]
PEERS: Final = ROOT / ".venv-peers" / "bin" / "python"
"""Has what requirements/peers.lock names; `scripts/bench` makes it."""
_LONGEST: Final = 1_800.0
"""Seconds after which a job is given up."""


class Failed(Exception):
    """A job gave no result: it was wrong, or it could not run."""


@dataclass(frozen=True)
class Done:
    """A result, and what the process says of itself."""

    result: Result
    version: str
    load: float
    took: float


@dataclass(frozen=True)
class Variant:
    """Who runs: a contender, perhaps from other sources than these."""

    label: str
    contender: str
    sources: Path = ROOT
    """The root that holds engine/, readmodels/ and actors/."""

    @property
    def missing(self) -> str:
        """Why it cannot run here; empty when it can."""
        entry = CONTENDERS.get(self.contender)
        if entry is None or not entry.distribution:
            return ""
        if not PEERS.exists():
            return f"{entry.distribution} is not installed: scripts/bench installs it"
        probe = f"import importlib.metadata as m; m.version({entry.distribution!r})"
        found = _run([str(PEERS), "-c", probe], "", {}, 60)
        return "" if found.returncode == 0 else f"{entry.distribution} is not installed"

    @property
    def python(self) -> str:
        """The interpreter that has what it needs."""
        entry = CONTENDERS.get(self.contender)
        return str(PEERS) if entry and entry.distribution else sys.executable

    @property
    def environment(self) -> dict[str, str]:
        """So that its sources are found before those that are installed."""
        paths = [self.sources / name for name in ("engine", "readmodels", "actors")]
        return {"PYTHONPATH": os.pathsep.join(map(str, [ROOT, *paths])), "PYTHONHASHSEED": "0"}

    def run(self, job: Job, place: Path | None) -> Done:
        """Do the job in a new folder on the disk to measure.

        Raises:
            Failed: there is no result.
        """
        with tempfile.TemporaryDirectory(dir=place, prefix="bench-") as folder:
            command = [self.python, "-m", "benchmarks.worker", folder]
            try:
                done = _run(command, json.dumps(job.as_json()), self.environment, _LONGEST)
            except subprocess.TimeoutExpired:
                msg = f"no result within {_LONGEST:g} s"
                raise Failed(msg) from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["nothing was said"]
            raise Failed(lines[-1][:400])
        told = json.loads(done.stdout)
        return Done(Result.from_json(told["result"]), told["version"], told["load"], told["took"])


def _run(
    command: Sequence[str], text: str, env: dict[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this project's own workers
        command, input=text, capture_output=True, text=True, cwd=ROOT, timeout=seconds,
        env={**os.environ, **env}, check=False,
    )  # fmt: skip
