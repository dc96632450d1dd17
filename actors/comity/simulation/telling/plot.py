"""Plots that fit any width: curves, areas and dots over two axes.

The lines are SVG that is stretched to the width; the texts are HTML, so they keep their size on a
phone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from comity.simulation.telling.axis import Axis
from comity.simulation.telling.markup import Content, Html, element, html, joined
from comity.simulation.telling.page import colour, key

SIZE: Final = 1_000
"""The width and height of the SVG, in its own units."""


class Point(NamedTuple):
    """A point of a series, with what is said about it when it is pointed at."""

    x: float
    y: float
    text: str = ""
    low: float | None = None
    high: float | None = None
    """The ends of a whisker."""


class Series(NamedTuple):
    """The points of one colour."""

    name: str
    points: Sequence[Point]
    line: bool = True
    """Whether the points are joined by a line; else each is a dot."""
    area: bool = False
    """Whether the area below the line is tinted."""


def plot(series: Sequence[Series], x: Axis, y: Axis, *, told: str, along: str = "") -> Html:
    """Return a picture of these series, with a key if there are several.

    Args:
        series: the colours are given in their order.
        x: the axis across.
        y: the axis upwards.
        told: what the picture shows, for those who hear the page.
        along: what the axis across means.
    """
    lines = [*_grid(x, y), *(_drawn(at, one, x, y) for at, one in enumerate(series))]
    svg = (
        f'<svg viewBox="0 0 {SIZE} {SIZE}" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(lines)}</svg>"
    )
    whole = element(
        "div",
        element("div", _longest(y), *_upwards(y), class_="y"),
        Html(svg),
        element("div", *_across(x), class_="x"),
        element("div", along, class_="along") if along else "",
        class_="plot",
        role="img",
        aria_label=told,
    )
    names = key([one.name for one in series]) if len(series) > 1 else ""
    return joined((names, whole))


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    for tick in y.ticks:
        yield f'<path class="grid" d="M0 {_up(y, tick.value)}H{SIZE}"/>'
    for tick in x.ticks:
        yield f'<path class="grid" d="M{_over(x, tick.value)} 0V{SIZE}"/>'


def _drawn(number: int, series: Series, x: Axis, y: Axis) -> str:
    places = [(_over(x, point.x), _up(y, point.y)) for point in series.points]
    marks: list[str] = []
    if series.line and places:
        path = "M" + "L".join(f"{left} {top}" for left, top in places)
        if series.area:
            marks.append(
                f'<path class="area" d="{path}L{places[-1][0]} {SIZE}L{places[0][0]} {SIZE}Z"/>'
            )
        marks.append(f'<path class="curve" d="{path}"/>')
    for point, (left, top) in zip(series.points, places, strict=True):
        marks.extend(_marks(point, left, top, y, line=series.line))
    return f'<g class="{colour(number)}">{"".join(marks)}</g>'


def _marks(point: Point, left: float, top: float, y: Axis, *, line: bool) -> Iterator[str]:
    if point.low is not None and point.high is not None:
        ends = f"M{left} {_up(y, point.low)}V{_up(y, point.high)}"
        yield f'<path class="whisker" d="{ends}"/>'
    if not line or point.low is not None:
        title = f"<title>{html(point.text)}</title>" if point.text else ""
        # a line of no length with round ends is a circle, however the SVG is stretched
        yield f'<path class="dot" d="M{left} {top}h0">{title}</path>'


def _upwards(axis: Axis) -> Iterable[Content]:
    for tick in axis.ticks:
        yield element("span", tick.text, style=f"bottom:{axis.place(tick.value) * 100:.1f}%")


def _longest(axis: Axis) -> Html:
    """The longest text of an axis, unseen: it makes the column as wide as the texts need."""
    return element("b", max((tick.text for tick in axis.ticks), key=len, default=""))


def _across(axis: Axis) -> Iterable[Content]:
    last = len(axis.ticks) - 1
    for number, tick in enumerate(axis.ticks):
        place = axis.place(tick.value)
        classes = ["minor"] if number % 2 and number != last else []
        if last % 2 and number == last - 1:
            classes = ["minor"]
        classes += ["first"] if place < 0.02 else ["last"] if place > 0.98 else []  # noqa: PLR2004
        yield element(
            "span", tick.text, style=f"left:{place * 100:.1f}%", class_=" ".join(classes) or None
        )


def _over(axis: Axis, value: float) -> float:
    return round(axis.place(value) * SIZE, 1)


def _up(axis: Axis, value: float) -> float:
    return round((1 - axis.place(value)) * SIZE, 1)
