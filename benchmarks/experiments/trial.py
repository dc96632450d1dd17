"""Runs all experiments, each once in its own process, for `--experiments`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.experiments.finding import Finding
from benchmarks.process import ROOT

QUESTIONS: Final = {
    "flush": "one flush instead of two for a single client: the floor",
    "packing": "formats for the board's event",
    "interpreter": "sub-interpreters and free threads",
    "switching": "the switch interval",
    "collecting": "the garbage collector",
    "cores": "one core instead of two",
    "ways": "calls and files that a command, an event and a query pass through",
    "stages": "where the time of a command goes, in one thread",
    "upcasting": "reading events of older schema versions, and of newer ones",
    "checking": "comity check of a whole journal, beside a raw scan",
    "backups": "commands while a domain is backed up, and the times of backup and restore",
    "growing": "what grows, and by how many bytes",
    "compacting": "comity compact: what it gives back, and what commands notice of it",
    "rehearsing": "deciding recorded commands again, beside reading and sending them",
    "exporting": "a recorded history as lines of JSON, out and in again, beside a raw scan",
    "verifying": "comity verify of a million events, beside reading its pages and its commits",
    "trips": "trips that a process books, with refusals and kills",
    "timers": "a million timers of a process: setting them, memory, lateness",
    "two_domains": "a shop and a warehouse over a network that loses, doubles and delays",
    "snapshots": "snapshots of live aggregates: what they save, and cost",
    "elsewhere": "reading and watching in another process than that which leads the model",
    "taking_over": "an outlet and a process whose program dies or hangs",
    "sharing": "one, two and four processes that have the same boards open",
    "sharing_parts": "what other processes' writing costs, and an estimate for many cores",
    "waking": "how one process wakes another one, and what it costs",
    "hot": "one aggregate that one, two and four processes write at once",
    "web_workers": "a web server with 1, 2 and 4 workers",
    "outlets": "an outlet whose service is down, and one whose service is slow",
}
"""By the module's name; each has `run(folder, seconds)`."""


@dataclass
class Trial:
    """An experiment and its findings."""

    name: str
    findings: list[Finding] = field(default_factory=list[Finding])
    failure: str = ""

    @property
    def title(self) -> str:
        """The experiment's name and question."""
        return f"{self.name}: {QUESTIONS.get(self.name, '')}"

    def as_json(self) -> dict[str, Any]:
        """The value as JSON."""
        found = [finding.as_json() for finding in self.findings]
        return {"name": self.name, "findings": found, "failure": self.failure}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Trial:
        """Read the result of `as_json`."""
        found = [Finding.from_json(finding) for finding in data["findings"]]
        return cls(data["name"], found, data["failure"])


def tried(names: Sequence[str], place: Path | None, seconds: float) -> Iterator[Trial]:
    """Run these in order; an experiment that failed or was wrong has no findings."""
    for name in names:
        with tempfile.TemporaryDirectory(dir=place, prefix="bench-") as folder:
            command = [sys.executable, "-m", "benchmarks.experiments", name, folder, f"{seconds}"]
            done = subprocess.run(  # noqa: S603 - this project's own
                command, cwd=ROOT, capture_output=True, text=True, check=False
            )
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["nothing was said"]
            yield Trial(name, failure=said[-1][:400])
        else:
            yield Trial(name, [Finding.from_json(one) for one in json.loads(done.stdout)])
