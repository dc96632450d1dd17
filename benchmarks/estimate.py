"""Estimates how long a plan takes: its windows, and the set-up before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.job import Case
from benchmarks.plan import Plan

# Seconds, and events per second, of a virtual machine with two cores; good enough here.
_PROCESS: Final = 0.4
_FILLING: Final = 70_000
_SENDING: Final = 12_000
_DECODING: Final = 150_000
_CHECKING: Final = 0.3
"""Further seconds for each second of a window."""
_BEFORE: Final = 6.0
"""Seconds for tracing the flushes of all contenders."""
_COST: Final = 2.5
"""Seconds of a job that does its own rounds."""
_PROFILE: Final = 4.0
"""Seconds for each second of a window, for one run under a profiler."""
_READING: Final = {"--quick": 23.0, "--standard": 150.0, "": 900.0}
_SETTING_UP: Final = {"comity": 3.0, "SQLite, group commit": 0.5, "eventsourcing, tuned": 2.0}
"""Seconds to set up 10,000 boards."""
_WAITING: Final = {"eventsource-py": 20.0, "eventsourcing, as installed": 3.0}
"""Seconds until 64 clients have their answers, in the warm-up and in the window."""


def told(plan: Plan) -> str:
    """The estimate as a line of text."""
    minutes = seconds(plan) / 60
    about = "about a minute or less" if minutes < 1.5 else f"about {minutes:.0f} minutes"  # noqa: PLR2004
    trials = f", {len(plan.experiments)} experiments" if plan.experiments else ""
    return f"{plan.name}: {runs(plan):,} runs{trials}, {about} on a quiet machine"


def runs(plan: Plan) -> int:
    """The number of measuring processes."""
    return sum(1 for _ in _all(plan))


def seconds(plan: Plan) -> float:
    """The seconds of the whole plan."""
    total = _BEFORE + _PROFILE * plan.seconds if plan.items else 0.0
    total += 0.0 if plan.reading is None else _READING[next(iter(plan.reading), "")]
    total += 12.0 * len(plan.experiments)
    return total + sum(_seconds(case, one, plan.seconds) for case, one in _all(plan))


def _all(plan: Plan) -> Iterator[tuple[Case, str]]:
    """Every run: its case and its contender."""
    for number in range(1, plan.rounds + 1):
        for item in plan.items:
            for one in item.taking_part(number):
                yield item.case, one


def _seconds(case: Case, contender: str, window: float) -> float:
    """The seconds of one run."""
    took = _PROCESS + window * (4 / 3 + _CHECKING)
    options = case.options
    match case.workload:
        case "board":
            took += _SETTING_UP.get(contender, 0.0) if options["shape"] in "cd" else 0.0
            took += _WAITING.get(contender, 0.0) if options["shape"] != "a" else 0.0
        case "cold" | "start-up" | "growth" | "memory" | "disk":
            took = _PROCESS + _filling(case.workload, options)
            took += window * 4 / 3 if case.workload == "growth" else 0.0
        case "cost":
            took = _COST
        case "recorded":
            took = 2.0 if options["part"] else 9.0
        case _:
            pass
    return took


def _filling(workload: str, options: Mapping[str, Any]) -> float:
    """The seconds to fill the data of a workload, and to measure it."""
    if workload == "cold":
        events = float(options["at"] * options["boards"])
        return events / _FILLING + events / _DECODING * (2 if options["snapshot"] else 1)
    if workload == "memory":
        return float(options["aggregates"]) / _SENDING
    if workload == "disk":
        return float(options["events"]) / _SENDING
    return float(options["at"]) / _FILLING + 1.0
