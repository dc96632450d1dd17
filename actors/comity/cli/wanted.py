"""What `comity simulate` was asked for, where its report goes, and its exit codes."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import typer

from comity.cli.console import show
from comity.cli.played import show_failures
from comity.cli.script import Script
from comity.simulation import RecordedScenario, Run

FAILED: Final = 1
INTERRUPTED: Final = 130
"""The usual exit code after Ctrl-C."""
HOUR: Final = 3_600


class Wanted(NamedTuple):
    """The arguments of the command."""

    script: Script
    seed: int
    people: int | None
    hours: float | None
    html: Path | None
    json: bool
    compare: bool = False

    @property
    def length(self) -> float:
        """How many simulated hours it takes."""
        if self.hours is not None:
            return self.hours
        scenario = self.script.scenario
        if isinstance(scenario, RecordedScenario):
            acts = scenario.acts
            return (acts[-1].microseconds - acts[0].microseconds) / 1e6 / HOUR if acts else 0.0
        return scenario.hours

    def again(self, seed: int) -> str:
        """The command that plays this seed once more."""
        words = ["comity", "simulate", self.script.name, "--seed", f"{seed}"]
        words += [] if self.people is None else ["--people", f"{self.people}"]
        words += [] if self.hours is None else ["--hours", f"{self.hours:g}"]
        words += ["--compare"] if self.compare else []
        return shlex.join(words)

    def write(self, page: str) -> None:
        """Write the report, if one was asked for, before anything is shown."""
        if self.html is not None:
            self.html.write_text(page, encoding="utf-8")

    def end(self, runs: Sequence[Run], *, interrupted: bool = False) -> int:
        """Tell where the report is and which runs failed, and return the exit code."""
        failed = [run for run in runs if run.failure is not None]
        if self.html is not None and not self.json:
            show("", f"report: {self.html}")
        if failed and not self.json:
            show_failures(failed, self.again(failed[0].seed))
        if failed:
            return FAILED
        return INTERRUPTED if interrupted or any(run.interrupted for run in runs) else 0


def check_report(path: Path | None) -> None:
    """Find out before anything is played whether the report can be written.

    Raises:
        BadParameter: it cannot.
    """
    if path is None:
        return
    if path.is_dir():
        msg = f"--html: expected a file, such as report.html; {path} is a directory"
        raise typer.BadParameter(msg)
    if path.suffix == ".py":  # a slip that would overwrite the script
        msg = f"--html: expected a file for a page, such as report.html, got {path}"
        raise typer.BadParameter(msg)
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        msg = f"--html: {path} cannot be written: {error.strerror}"
        raise typer.BadParameter(msg) from None
