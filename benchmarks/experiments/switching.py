"""Does a shorter switch interval help comity, with and without a computing thread?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.experiments.board_jobs import rate
from benchmarks.experiments.finding import Finding

_INTERVALS: Final = (0.005, 0.001, 0.0005, 0.0001)
"""Switch intervals in seconds; the first is Python's default."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """Measure shape b with asyncio, each interval in its own process."""
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
