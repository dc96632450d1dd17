"""Runs comity on the board with asyncio in its own process, for experiments."""

from __future__ import annotations

from pathlib import Path

from benchmarks.job import Case, Job
from benchmarks.plan import board_case
from benchmarks.process import Variant


def rate(folder: Path, seconds: float, shape: str, **options: str | float) -> tuple[float, str]:
    """Commands per second, and a note with the latency and the checks."""
    case = board_case(shape, "asyncio", read_model=False)
    case = Case(case.workload, case.variant, {**case.options, **options})
    result = Variant("comity", "comity").run(Job(case, "comity", seconds), folder).result
    assert result.latency
    p99 = result.latency.quantile(0.99) * 1e3
    return result.figure, f"p99 {p99:.1f} ms; {result.proof}"
