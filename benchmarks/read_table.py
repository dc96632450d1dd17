"""The output of `read_side`: each figure with its floor from the same run."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple


class Scale(NamedTuple):
    """The sizes of a run."""

    events: int
    """Events in the filled journal."""
    rounds: int
    seconds: float
    """Seconds of each window with commands or readers."""
    pairs: int
    """Pairs of a command and a read that must include it."""
    watchers: int


FULL = Scale(events=1_000_000, rounds=7, seconds=3.0, pairs=10_000, watchers=10_000)
STANDARD = Scale(events=300_000, rounds=3, seconds=1.5, pairs=3_000, watchers=10_000)
QUICK = Scale(events=100_000, rounds=3, seconds=1.0, pairs=1_000, watchers=10_000)


@dataclass
class Line:
    """One figure."""

    part: str
    what: str
    figure: float
    unit: str
    floor: float | None = None
    """The same figure without comity, or without the measured feature."""
    ratio: float | None = None
    """The figure divided by its floor; with several rounds, the median of the rounds' ratios."""
    note: str = ""

    def __str__(self) -> str:
        floor = "" if self.floor is None else _number(self.floor)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return (
            f"{self.what:<52}{_number(self.figure):>11} {self.unit:<10}{floor:>11}{ratio:>8}"
            f"  {self.note}"
        )


@dataclass
class Table:
    """The figures so far; each is printed when it is added."""

    say: bool = True
    lines: list[Line] = field(default_factory=list[Line])
    part: str = ""

    def begin(self, part: str, about: str) -> None:
        """Start a part; the next figures belong to it."""
        self.part = part
        if self.say:
            print(f"\n{part}: {about}   [load {os.getloadavg()[0]:.2f}]")
            print(f"{'':<52}{'figure':>11} {'':<10}{'floor':>11}{'ratio':>8}")

    def add(
        self,
        what: str,
        figure: float,
        unit: str,
        floor: float | None = None,
        *,
        ratio: float | None = None,
        note: str = "",
    ) -> None:
        """Add a figure."""
        if ratio is None and floor:
            ratio = figure / floor
        self.lines.append(Line(self.part, what, figure, unit, floor, ratio, note))
        if self.say:
            print(self.lines[-1], flush=True)

    def add_rounds(
        self,
        what: str,
        figures: Sequence[float],
        unit: str,
        floors: Sequence[float],
        *,
        note: str = "",
    ) -> None:
        """Add a figure from several rounds in which its floor was measured too."""
        ratio = statistics.median(
            [figure / floor for figure, floor in zip(figures, floors, strict=True)]
        )
        self.add(
            what,
            statistics.median(figures),
            unit,
            statistics.median(floors),
            ratio=ratio,
            note=note,
        )

    def report(self) -> list[dict[str, object]]:
        """All figures, for JSON."""
        return [asdict(line) for line in self.lines]


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """The median, the 99th percentile and the greatest, in milliseconds."""
    cut = statistics.quantiles(seconds, n=100)
    return cut[49] * 1e3, cut[98] * 1e3, max(seconds) * 1e3


def resident() -> int:
    """The resident memory of this process in bytes."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _number(value: float) -> str:
    if value >= 100:  # noqa: PLR2004 - three digits say enough
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"  # noqa: PLR2004 - the same
