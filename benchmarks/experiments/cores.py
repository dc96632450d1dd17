"""Are threads faster on one core, with its caches, than on two cores under one GIL?"""

from __future__ import annotations

from pathlib import Path

from benchmarks.experiments.board_jobs import rate
from benchmarks.experiments.finding import Finding


def run(folder: Path, seconds: float) -> list[Finding]:
    """Measure shapes b and c with asyncio, on all cores and on one."""
    findings: list[Finding] = []
    for shape in ("b", "c"):
        today: float | None = None
        for about, cores in (("on all cores", 0), ("on one core", 1)):
            found, note = rate(folder, seconds, shape, cores=cores)
            today = today or found
            findings.append(Finding(f"{shape}, asyncio, {about}", found, "commands/s", today, note))
    return findings
