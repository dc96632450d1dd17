"""Plots as inline SVG: bars with their spread, latency distributions, growth curves.

Colours are CSS variables of the page, so that a plot follows the light and dark theme.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from benchmarks.latency import Latency

WIDTH: Final = 860
_LEFT: Final = 215
_BAR: Final = 22
_GAP: Final = 12


class Bar(NamedTuple):
    """One contender's figure."""

    label: str
    kind: str
    """`mine`, `peer` or `floor`: selects the colour."""
    value: float
    low: float
    high: float
    text: str
    """The text at the end of the bar."""


class Curve(NamedTuple):
    """The points of one curve."""

    label: str
    colour: int
    """The number of its colour, 1 to 8."""
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def bars(rows: Sequence[Bar], title: str) -> str:
    """Horizontal bars from zero, with a whisker from the least to the greatest round."""
    most = max((row.high for row in rows), default=1.0) or 1.0
    room = WIDTH - _LEFT - 225
    height = len(rows) * (_BAR + _GAP) + 4
    return _svg(height, title, list(_bars(rows, room / most)))


def _bars(rows: Sequence[Bar], scale: float) -> Iterator[str]:
    for number, row in enumerate(rows):
        top = number * (_BAR + _GAP) + 4
        middle = top + _BAR / 2
        length = max(1.5, row.value * scale)
        low, high = _LEFT + row.low * scale, _LEFT + row.high * scale
        yield (
            f'<text class="label {row.kind}" x="{_LEFT - 12}" y="{middle + 4.5:.1f}" '
            f'text-anchor="end">{escape(row.label)}</text>'
            f'<rect class="bar {row.kind}" x="{_LEFT}" y="{top}" width="{length:.1f}" '
            f'height="{_BAR}" rx="3"/>'
        )
        if high - low > 2:  # noqa: PLR2004 - pixels: a shorter one is not to be seen
            yield (
                f'<path class="whisker" d="M{low:.1f} {middle:.1f}H{high:.1f}'
                f'M{low:.1f} {middle - 5:.1f}v10M{high:.1f} {middle - 5:.1f}v10"/>'
            )
        yield (
            f'<text class="value" x="{max(_LEFT + length, high) + 9:.1f}" '
            f'y="{middle + 4.5:.1f}">{escape(row.text)}</text>'
        )


def latencies(found: Sequence[tuple[str, int, Latency]], title: str) -> str:
    """The latency of the slowest share of answers, on two logarithmic axes."""
    shares = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99]
    shares += [0.993, 0.995, 0.997, 0.998, 0.999, 0.9993, 0.9995, 0.9997, 0.9998, 0.9999]
    curves: list[Curve] = []
    for label, colour, latency in found:
        points = [
            (1 / (1 - share), latency.quantile(share) * 1e3)
            for share in shares
            if latency.count * (1 - share) >= 1
        ]
        curves.append(Curve(label, colour, points))
    ticks = {1: "all", 2: "p50", 10: "p90", 100: "p99", 1_000: "p99.9", 10_000: "p99.99"}
    return curves_plot(curves, title, unit="ms", names=ticks)


def curves_plot(
    curves: Sequence[Curve],
    title: str,
    *,
    unit: str,
    names: dict[int, str] | None = None,
    zero: bool = False,
    along: str = "",
) -> str:
    """Curves with a logarithmic x axis; the y axis is logarithmic, or starts at zero."""
    points = [point for curve in curves for point in curve.points]
    if not points:
        return ""
    frame = _Frame(points, zero=zero)
    parts = [*frame.grid(unit, names), *_legend(curves)]
    if along:
        parts.append(
            f'<text class="tick" x="{frame.right}" y="{frame.bottom + 38}" '
            f'text-anchor="end">{escape(along)}</text>'
        )
    for curve in curves:
        places = [frame.place(x, y) for x, y in curve.points]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        dashes = " dashed" if curve.dashed else ""
        parts.append(f'<path class="curve s{curve.colour}{dashes}" d="{path}"/>')
        if len(places) < 12:  # noqa: PLR2004 - more would hide the curve
            parts += [
                f'<circle class="dot s{curve.colour}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
                for x, y in places
            ]
    return _svg(frame.height, title, parts)


class _Frame:
    """The coordinates of a plot."""

    left, top, bottom, right, height = 74, 14, 300, WIDTH - 250, 348

    def __init__(self, points: Sequence[tuple[float, float]], *, zero: bool) -> None:
        across, upwards = [x for x, _ in points], [y for _, y in points]
        self._zero = zero
        self._x = _decades(across)
        self._y = (0.0, max(upwards) * 1.15 or 1.0) if zero else _decades(upwards)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A point in pixels."""
        (x0, x1), (y0, y1) = self._x, self._y
        across = (math.log10(max(x, 1e-12)) - x0) / (x1 - x0)
        up = (y if self._zero else math.log10(max(y, 1e-12))) - y0
        return (
            self.left + across * (self.right - self.left),
            self.bottom - up / (y1 - y0) * (self.bottom - self.top),
        )

    def grid(self, unit: str, names: dict[int, str] | None) -> Iterator[str]:
        """The grid lines and their labels."""
        for value in self._upwards():
            y = self.place(1, value)[1]
            yield f'<path class="grid" d="M{self.left} {y:.1f}H{self.right}"/>'
            yield (
                f'<text class="tick" x="{self.left - 9}" y="{y + 4:.1f}" '
                f'text-anchor="end">{_short(value)} {escape(unit.partition(" ")[0])}</text>'
            )
        x0, x1 = self._x
        wanted = names or {
            10**power: _short(10**power) for power in range(math.floor(x0), math.ceil(x1) + 1)
        }
        for value, text in wanted.items():
            if x0 - 1e-9 <= math.log10(value) <= x1 + 1e-9:
                x = self.place(value, 1)[0]
                yield f'<path class="grid" d="M{x:.1f} {self.top}V{self.bottom}"/>'
                yield (
                    f'<text class="tick" x="{x:.1f}" y="{self.bottom + 20}" '
                    f'text-anchor="middle">{escape(text)}</text>'
                )

    def _upwards(self) -> Sequence[float]:
        low, high = self._y
        if not self._zero:
            return [10.0**power for power in range(math.ceil(low), math.floor(high) + 1)]
        step = 10 ** math.floor(math.log10(high))
        step = step / 2 if high / step < 3 else step  # noqa: PLR2004 - at least some lines
        return [step * number for number in range(int(high / step) + 1)]


def _legend(curves: Sequence[Curve]) -> Iterator[str]:
    for number, curve in enumerate(curves):
        y = 24 + number * 22
        x = WIDTH - 228
        dashes = " dashed" if curve.dashed else ""
        yield f'<path class="curve s{curve.colour}{dashes}" d="M{x} {y}h20"/>'
        yield f'<text class="value" x="{x + 28}" y="{y + 4.5}">{escape(curve.label)}</text>'


def _decades(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    start = math.floor(math.log10(max(low, 1e-12)) * 10) / 10
    end = math.ceil(math.log10(max(high, 1e-12)) * 10) / 10
    return start, max(end, start + 0.5)


def _short(value: float) -> str:
    for size, name in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{name}"
    return f"{value:g}"


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )
