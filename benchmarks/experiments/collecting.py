"""What does the garbage collector cost: by default, frozen, called seldom, and off?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.experiments.board_jobs import rate
from benchmarks.experiments.finding import Finding

_WAYS: Final = {
    "as it is": "default",
    "gc.freeze() once set up": "freeze",
    "and gc.set_threshold(5_000, 20, 50)": "seldom",
    "gc.disable()": "off",
}


def run(folder: Path, seconds: float) -> list[Finding]:
    """Measure shapes b and c with asyncio, each setting in its own process."""
    findings: list[Finding] = []
    for shape in ("b", "c"):
        today: float | None = None
        for about, way in _WAYS.items():
            found, note = rate(folder, seconds, shape, gc=way)
            today = today or found
            findings.append(Finding(f"{shape}, asyncio, {about}", found, "commands/s", today, note))
    return findings
