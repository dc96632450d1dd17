"""Bars: a table with a bar in each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from comity.simulation.telling.markup import Content, Html, element, html
from comity.simulation.telling.page import colour


class Bar(NamedTuple):
    """One bar with its name, and what is written beside it."""

    name: str
    value: float
    text: Content
    colour: int = 0
    """The number of its colour, counted from 0."""


def bars(rows: Sequence[Bar], caption: str, head: tuple[str, str] = ("", "")) -> Html:
    """Return bars from 0 to the greatest value.

    Args:
        rows: the bars, from top to bottom.
        caption: what they show, for those who hear the page.
        head: what the names and the texts are, for those who hear the page.
    """
    most = max((row.value for row in rows), default=0.0) or 1.0
    name, text = (element("span", one, class_="heard") for one in head)
    return element(
        "table",
        element("caption", caption, class_="heard"),
        element(
            "thead",
            element("tr", element("th", name, scope="col"), element("th", text, scope="col")),
            class_="heard",
        ),
        element("tbody", *(_row(row, row.value / most) for row in rows)),
        class_="bars",
    )


def _row(row: Bar, share: float) -> Html:
    length = Html(f'<i style="width:{share * 100:.1f}%"></i>')
    return element(
        "tr",
        element("th", row.name, scope="row"),
        element("td", html(row.text), class_="number"),
        element("td", length, class_=f"bar {colour(row.colour)}", aria_hidden="true"),
    )
