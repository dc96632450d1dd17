"""Plays one seed for `comity simulate`: once, in real time, or under several sets of rules."""

from __future__ import annotations

import typer

from comity.cli.console import show_json
from comity.cli.play_bar import PlayBar
from comity.cli.played import as_json, show_runs
from comity.cli.wanted import HOUR, Wanted
from comity.simulation import RealTime, Run, Scenario, compare, report


def play_once(wanted: Wanted) -> int:
    """Play one seed under the domain's own rules."""
    with PlayBar(wanted.length, "hours", json=wanted.json) as bar:
        run = played(wanted, wanted.seed, bar)
    return _show(wanted, run)


def played(wanted: Wanted, seed: int, bar: PlayBar) -> Run:
    """Play a seed; a run that fails is made as small as it gets."""

    def progress(seconds: float, commands: int) -> None:
        bar.show("own rules", seconds / HOUR, commands)

    scenario, people, hours = wanted.script.scenario, wanted.people, wanted.hours
    if isinstance(scenario, Scenario):
        return scenario.play(seed, people=people, hours=hours, progress=progress)
    return scenario.play(seed, people=people, hours=hours, progress=progress)


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
    return _show(wanted, run)


def _show(wanted: Wanted, run: Run) -> int:
    if wanted.json:
        show_json(as_json(run))
    else:
        show_runs([run])
    wanted.write(report(run, wanted.again(run.seed)))
    return wanted.code([run])


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
    if wanted.json:
        show_json({"runs": [as_json(run) for run in comparison.runs]})
    else:
        show_runs(comparison.runs)
    wanted.write(report(comparison, wanted.again(wanted.seed)))
    return wanted.code(comparison.runs)
