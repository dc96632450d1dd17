"""Does a shorter switch interval help comity, alone and beside a thread that never waits?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.experiments.board_jobs import rate
from benchmarks.experiments.finding import Finding

_INTERVALS: Final = (0.005, 0.001, 0.0005, 0.0001)
"""Seconds; the first is Python's own."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """Shape b, asyncio, each interval in a process of its own."""
    findings: list[Finding] = []
    for beside in ("", "computing"):
        today: float | None = None
        for interval in _INTERVALS:
            found, note = rate(folder, seconds, "b", beside=beside, switch_interval=interval)
            today = today or found
            where = "beside a computing thread" if beside else "alone"
            what = f"b, asyncio, {where}, {interval * 1e3:g} ms"
            findings.append(Finding(what, found, "commands/s", today, note))
    return findings
