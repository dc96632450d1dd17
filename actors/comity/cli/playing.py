"""Plays one seed for `comity simulate`: once, in real time, or under several sets of rules."""

from __future__ import annotations

from typing import Final

import typer

from comity.cli.console import show_json
from comity.cli.play_bar import PlayBar
from comity.cli.played import as_json, show_runs
from comity.cli.progress import waiting
from comity.cli.wanted import HOUR, Wanted
from comity.simulation import RealTime, Run, Scenario, compare, report

PATIENCE: Final = 60.0
"""Seconds in which the smallest run that fails is looked for."""


def play_once(wanted: Wanted) -> int:
    """Play one seed under the domain's own rules."""
    return show_run(wanted, played(wanted, wanted.seed))


def played(wanted: Wanted, seed: int) -> Run:
    """Play a seed."""
    with PlayBar(wanted.length, "hours", json=wanted.json) as bar:
        return wanted.script.scenario.play(
            seed,
            people=wanted.people,
            hours=wanted.hours,
            progress=lambda seconds, commands: bar.show("own rules", seconds / HOUR, commands),
        )


def smallest(wanted: Wanted, run: Run) -> Run:
    """Return the smallest run that fails in the same way; a run that has not failed stays."""
    scenario = wanted.script.scenario
    if run.failure is None or not run.trace or not isinstance(scenario, Scenario):
        return run  # in real time it would be another run
    with waiting("looking for the smallest run that fails like this"):
        small = scenario.play(run.seed, people=wanted.people, hours=wanted.hours, shrink=PATIENCE)
    return small if small.failure is not None else run


def play_in_real_time(wanted: Wanted, way: RealTime) -> int:
    """Play one seed in real time, on the disk."""
    scenario = wanted.script.scenario
    if not isinstance(scenario, Scenario):
        msg = f"--real: {scenario.name} is a recorded history; it is played in virtual time only"
        raise typer.BadParameter(msg)
    with PlayBar(wanted.length, "hours", json=wanted.json) as bar:
        run = scenario.play(
            wanted.seed,
            people=wanted.people,
            hours=wanted.hours,
            progress=lambda seconds, commands: bar.show("own rules", seconds / HOUR, commands),
            real_time=way,
        )
    return show_run(wanted, run)


def show_run(wanted: Wanted, run: Run) -> int:
    """Show a run, and write its report; return the exit code."""
    small = smallest(wanted, run)
    wanted.write(report(run, wanted.again(run.seed), small))
    if wanted.json:
        show_json(as_json(run, small))
    else:
        show_runs([run])
    return wanted.end([small])


def play_under(wanted: Wanted) -> int:
    """Play one seed under several sets of rules."""
    with PlayBar(wanted.length, "hours", json=wanted.json) as bar:
        comparison = compare(
            wanted.script.scenario,
            wanted.script.policies,
            seed=wanted.seed,
            people=wanted.people,
            hours=wanted.hours,
            progress=lambda policy, seconds, commands: bar.show(policy, seconds / HOUR, commands),
        )
    wanted.write(report(comparison, wanted.again(wanted.seed)))
    if wanted.json:
        show_json({"runs": [as_json(run) for run in comparison.runs]})
    else:
        show_runs(comparison.runs)
    return wanted.end(comparison.runs)
