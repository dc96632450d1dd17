"""What was played, as text and as JSON: a run, or several sets of rules beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Final

from rich.text import Text

from comity.cli.console import cell, show, show_columns
from comity.simulation import Cost, Run, story
from comity.simulation.comparing.cost import cost
from comity.simulation.telling.axis import span
from comity.simulation.telling.counting import Meeting, meetings
from comity.simulation.telling.report import ended_early, failing, played

MOST_PAIRS: Final = 10
"""The table has so many pairs of a command and an event; the HTML report has all."""


def show_runs(runs: Sequence[Run]) -> None:
    """Print what each set of rules cost, and where."""
    rules = f"{len(runs)} sets of rules" if len(runs) > 1 else ""
    show(cell(runs[0].scenario, "bold") + cell(f": {played(runs[-1], rules)}"), "")
    show_columns(_costs([cost(run) for run in runs]), right=range(1, 9))
    pairs = list(_pairs(runs))
    if len(pairs) > 1:
        show("")
        show_columns(pairs, right=range(2, 2 + len(runs) - 1))
    short = ended_early(runs)
    if short:
        show("", cell(short))


def show_failures(runs: Sequence[Run], again: str) -> None:
    """Print why runs failed, the first one as a story, and how to play them again."""
    run, *others = runs
    *before, last = story(run)
    show("", cell(f"{run.policy} failed", "bold red") + cell(f"; {failing(run)}"), "")
    show(*before)
    show(cell(last, "red"), "")
    for other in others:
        show(cell(f"{other.policy} failed, too: ", "bold red") + cell(story(other)[-1], "red"), "")
    show(cell("play it again: ", "dim") + cell(again))


def as_json(run: Run, smallest: Run | None = None) -> dict[str, object]:
    """Return a run for programs, with the story of the smallest one that fails like it."""
    fields: dict[str, object] = {
        name: getattr(run, name)
        for name in ("scenario", "policy", "seed", "seed_text", "people", "seconds", "took")
    }
    fields.update({"steps": run.steps, "trace": run.trace, "interrupted": run.interrupted})
    fields["outcomes"] = dict(run.outcomes)
    figures = asdict(cost(run))
    del figures["policy"]
    fields["cost"] = figures
    fields["pairs"] = [
        {"command": command, "event": event, **meeting._asdict()}
        for (command, event), meeting in sorted(meetings(run.attempts).items())
    ]
    fields["failure"] = None if run.failure is None else asdict(run.failure)
    fields["story"] = [] if run.failure is None else story(smallest or run)
    return fields


_COSTS: Final[dict[str, Callable[[Cost], str]]] = {
    "SENT": lambda one: f"{one.attempts:,}",
    "DONE": lambda one: f"{one.done:,}",
    "REPLACED": lambda one: f"{one.replaced:,}",
    "DROPPED": lambda one: f"{one.dropped:,}",
    "ASKED AGAIN": lambda one: f"{one.asked:,}",
    "GIVEN UP": lambda one: f"{one.given_up:,}",
    "HALF WITHIN": lambda one: _time(one.half),
    "95 % WITHIN": lambda one: _time(one.most),
}


def _costs(costs: Sequence[Cost]) -> Iterator[list[Text]]:
    yield [cell("RULES", "dim"), *(cell(name, "dim") for name in _COSTS)]
    for one in costs:
        yield [cell(one.policy, "bold"), *(cell(told(one)) for told in _COSTS.values())]


def _time(seconds: float | None) -> str:
    return "never" if seconds is None else span(seconds)


def _pairs(runs: Sequence[Run]) -> Iterator[list[Text]]:
    """The pairs that cost most: how often each was asked again, and lost."""
    found = [meetings(run.attempts) for run in runs]
    sums: dict[tuple[str, str], int] = {}
    for its in found:
        for pair, one in its.items():
            sums[pair] = sums.get(pair, 0) + one.asked + one.replaced + one.dropped
    most = sorted((pair for pair in sums if sums[pair]), key=lambda pair: (-sums[pair], pair))
    names = [run.policy.upper() for run in runs]
    yield [
        cell("COMMAND", "dim"),
        cell("UNSEEN EVENT", "dim"),
        *(cell(one, "dim") for one in names),
    ]
    for command, event in most[:MOST_PAIRS]:
        told = [cell(_asked_and_lost(its.get((command, event), Meeting()))) for its in found]
        yield [cell(command, "bold"), cell(event), *told]


def _asked_and_lost(one: Meeting) -> str:
    parts = [f"{one.asked:,} asked"] if one.asked else []
    parts += [f"{one.replaced + one.dropped:,} lost"] if one.replaced + one.dropped else []
    return ", ".join(parts) or "-"
