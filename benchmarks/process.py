"""Runs a job in its own process, with the interpreter and the sources that it needs."""

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
"""The environment with the packages of requirements/peers.lock; `scripts/bench` makes it."""
_LONGEST: Final = 1_800.0
"""Seconds after which a job is ended."""


class Failed(Exception):
    """A job gave no result: its state was wrong, or it could not run."""


@dataclass(frozen=True)
class Done:
    """A result, with facts about its process."""

    result: Result
    version: str
    load: float
    took: float


@dataclass(frozen=True)
class Variant:
    """A contender, perhaps from other sources than these."""

    label: str
    contender: str
    sources: Path = ROOT
    """The folder with engine/, readmodels/ and actors/."""

    @property
    def missing(self) -> str:
        """Why it cannot run here; empty if it can."""
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
        """The path of its interpreter."""
        entry = CONTENDERS.get(self.contender)
        return str(PEERS) if entry and entry.distribution else sys.executable

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which its sources come before installed ones."""
        paths = [self.sources / name for name in ("engine", "readmodels", "actors")]
        return {"PYTHONPATH": os.pathsep.join(map(str, [ROOT, *paths])), "PYTHONHASHSEED": "0"}

    def run(self, job: Job, place: Path | None) -> Done:
        """Run the job in a new folder on the measured disk.

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
