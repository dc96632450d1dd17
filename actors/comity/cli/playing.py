"""Plays what `comity simulate` was asked for, shows it, and returns the exit code."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import typer

from comity.cli.console import show, show_json
from comity.cli.play_bar import PlayBar
from comity.cli.played import as_json, show_failure, show_runs
from comity.cli.script import Script
from comity.cli.seed_search import Asked, SeedSearch
from comity.engine.runtime.system import monotonic
from comity.simulation import Comparison, RecordedScenario, Run, compare, report

FAILED: Final = 1
INTERRUPTED: Final = 130
"""The usual exit code after Ctrl-C."""
_HOUR: Final = 3_600


class Wanted(NamedTuple):
    """The arguments of the command."""

    script: Script
    seed: int
    people: int | None
    hours: float | None
    html: Path | None
    json: bool

    @property
    def length(self) -> float:
        """How many simulated hours it takes."""
        if self.hours is not None:
            return self.hours
        scenario = self.script.scenario
        if isinstance(scenario, RecordedScenario):
            acts = scenario.acts
            return (acts[-1].microseconds - acts[0].microseconds) / 1e6 / _HOUR if acts else 0.0
        return scenario.hours

    def again(self, seed: int) -> str:
        """The command that plays this seed once more."""
        words = ["comity", "simulate", self.script.name, "--seed", f"{seed}"]
        words += [] if self.people is None else ["--people", f"{self.people}"]
        words += [] if self.hours is None else ["--hours", f"{self.hours:g}"]
        return shlex.join(words)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def play_once(wanted: Wanted) -> int:
    """Play one seed under the domain's own rules."""
    with PlayBar(wanted.length, "hours", json=wanted.json) as bar:
        run = wanted.script.scenario.play(
            wanted.seed,
            people=wanted.people,
            hours=wanted.hours,
            progress=lambda seconds, commands: bar.show("own rules", seconds / _HOUR, commands),
        )
    if wanted.json:
        show_json(as_json(run))
    else:
        show_runs([run])
    _write(wanted, run)
    return _code(wanted, [run])


def play_under(wanted: Wanted) -> int:
    """Play one seed under several sets of rules."""
    with PlayBar(wanted.length, "hours", json=wanted.json) as bar:
        comparison = compare(
            wanted.script.scenario,
            wanted.script.policies,
            seed=wanted.seed,
            people=wanted.people,
            hours=wanted.hours,
            progress=lambda policy, seconds, commands: bar.show(policy, seconds / _HOUR, commands),
        )
    if wanted.json:
        show_json({"runs": [as_json(run) for run in comparison.runs]})
    else:
        show_runs(comparison.runs)
    _write(wanted, comparison)
    return _code(wanted, comparison.runs)


def search(wanted: Wanted, seeds: range, processes: int) -> int:
    """Play many seeds until one fails, and tell the story of that one."""
    asked = Asked(wanted.script.name, wanted.people, wanted.hours)
    found, began, interrupted = SeedSearch(asked, seeds, processes), monotonic(), False
    with PlayBar(len(seeds), "seeds", json=wanted.json) as bar:
        try:
            found.run(lambda done, commands: bar.show("seeds", done, commands))
        except KeyboardInterrupt:
            interrupted = True
    took = monotonic() - began
    failed = found.failed
    run = None if failed is None else _again(wanted, failed.seed)
    if wanted.json:
        show_json(_search_json(found, seeds, took, run, interrupted=interrupted))
    else:
        show(_search_text(found, seeds, took))
    if run is not None:
        _write(wanted, run)
        return _code(wanted, [run])
    return INTERRUPTED if interrupted else 0


def _again(wanted: Wanted, seed: int) -> Run:
    return wanted.script.scenario.play(seed, people=wanted.people, hours=wanted.hours)


def _search_text(found: SeedSearch, seeds: range, took: float) -> str:
    done = len(found.played)
    commands = sum(one.attempts for one in found.played)
    refused = sum(one.refused for one in found.played)
    failed = "none failed" if found.failed is None else f"seed {found.failed.seed} failed"
    return (
        f"{done:,} of {len(seeds):,} seeds, {failed}; {commands:,} commands, {refused:,} refused; "
        f"{took:.1f} s, {done / max(took, 1e-9):.1f} seeds a second"
    )


def _search_json(
    found: SeedSearch, seeds: range, took: float, run: Run | None, *, interrupted: bool
) -> dict[str, object]:
    return {
        "seeds": len(seeds),
        "first": seeds.start,
        "played": len(found.played),
        "seconds": took,
        "commands": sum(one.attempts for one in found.played),
        "refused": sum(one.refused for one in found.played),
        "steps": sum(one.steps for one in found.played),
        "interrupted": interrupted,
        "failed": None if run is None else as_json(run),
    }


def _code(wanted: Wanted, runs: Sequence[Run]) -> int:
    failed = [run for run in runs if run.failure is not None]
    for run in failed:
        if not wanted.json:
            show_failure(run, wanted.again(run.seed))
    if failed:
        return FAILED
    return INTERRUPTED if any(run.interrupted for run in runs) else 0


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
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        msg = f"--html: {path} cannot be written: {error.strerror}"
        raise typer.BadParameter(msg) from None


def _write(wanted: Wanted, played: Run | Comparison) -> None:
    if wanted.html is not None:
        seed = played.seed if isinstance(played, Run) else wanted.seed
        wanted.html.write_text(report(played, wanted.again(seed)), encoding="utf-8")
        if not wanted.json:
            show("", f"report: {wanted.html}")
