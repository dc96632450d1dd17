"""An axis of a plot: where a value is, and which values are written beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from comity.engine.text import duration

_LINES: Final = 4
_LONG: Final = 8
"""About how many ticks an axis has, upwards and across."""
_FEWEST: Final = 3
_ROUND: Final = (1, 2, 2.5, 5, 10)
_SPANS: Final = (
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
)  # fmt: skip
"""Steps of an axis of time, in seconds."""
_FACTORS: Final = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3_600, 36_000)
"""Ticks of a logarithmic axis of durations, in seconds."""
_FINER: Final = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 180, 600, 1_800,
    3_600, 10_800, 36_000,
)  # fmt: skip
"""Those of a short one."""


class Tick(NamedTuple):
    """A value that is written beside an axis."""

    value: float
    text: str


class Axis(NamedTuple):
    """The values of an axis, from `low` to `high`."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    log: bool = False
    """Whether equal steps are equal factors; then `low` is above 0."""

    def place(self, value: float) -> float:
        """Where a value is, from 0 (`low`) to 1 (`high`); what is beyond them is at their place."""
        inside = min(max(value, self.low), self.high)
        if self.log:
            return math.log(inside / self.low) / math.log(self.high / self.low)
        return (inside - self.low) / (self.high - self.low)


def amounts(
    most: float, told: Callable[[float], str] = "{:,g}".format, *, whole: bool = False
) -> Axis:
    """An axis from 0 to at least `most`, with about four round numbers, if wanted whole ones."""
    most = most if most > 0 else 1.0
    rough = max(most / _LINES, 1.0) if whole else most / _LINES
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * one for one in _ROUND if unit * one >= rough * 0.999)
    count = math.ceil(most / step - 1e-9)
    ticks = tuple(Tick(step * number, told(step * number)) for number in range(count + 1))
    return Axis(0.0, step * count, ticks)


def shares(most: float) -> Axis:
    """An axis of shares from 0 % to at least `most`, which is at most 1."""
    return amounts(min(1.0, max(most, 0.001)), lambda share: f"{share * 100:g} %")


def hours(seconds: float) -> Axis:
    """An axis of time from 0 on, with ticks at round durations."""
    most = max(seconds, 1.0)
    days = 86_400 * math.ceil(most / 86_400 / _LONG)
    step = next((one for one in _SPANS if one * _LONG >= most), days)
    ticks = [Tick(at, clock(at)) for at in range(0, math.floor(most) + 1, step)]
    return Axis(0.0, most, tuple(ticks))


def durations(low: float, high: float) -> Axis:
    """A logarithmic axis of durations, with ticks at round ones."""
    low = max(low, 1e-3)
    high = max(high, low * 10)
    few = [one for one in _FACTORS if low <= one <= high]
    shown = few if len(few) >= _FEWEST else [one for one in _FINER if low <= one <= high]
    return Axis(low, high, tuple(Tick(one, span(one)) for one in shown), log=True)


def span(seconds: float) -> str:
    """A duration in few letters: `5 ms`, `1.5 s`, `20 s`, `3 min`, `2 h 5 min`."""
    if 0 < seconds < 0.9995:  # noqa: PLR2004 - then it is a second
        return f"{seconds * 1_000:.3g} ms"
    if seconds < 10:  # noqa: PLR2004 - a tenth of a second matters up to there
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    return duration(seconds).replace(" min 0 s", " min").replace(" h 0 min", " h")


def clock(seconds: float) -> str:
    """A time since the beginning: `0:00`, `7:45`, `0:00:30`."""
    minutes, rest = divmod(round(seconds), 60)
    text = f"{minutes // 60}:{minutes % 60:02}"
    return f"{text}:{rest:02}" if rest else text
