"""A heat map: a table whose cells are tinted by their number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from comity.simulation.telling.markup import Content, Html, element, joined

FAINTEST: Final = 0.06
STRONGEST: Final = 0.62
"""The tint of the least and the greatest number. Text is readable on both, in light and dark."""


class Heat(NamedTuple):
    """A cell: its number, and what is said about it when it is pointed at."""

    number: float
    text: str = ""
    shown: str | None = None
    """What is written in the cell; by default the number in few digits."""


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Heat],
    *,
    caption: str,
    corner: str = "",
    scale: tuple[str, str] | None = ("few", "many"),
) -> Html:
    """Return the heat map: the greater a number, the stronger is the tint of its cell.

    Args:
        rows: the names at the left.
        columns: the names at the top.
        cells: by row and column; a cell that is missing or 0 stays empty.
        caption: what it shows, for those who hear it.
        corner: what the rows and columns are.
        scale: what a faint and a strong tint mean; None for no scale below the map.
    """
    most = max((cell.number for cell in cells.values()), default=0.0)
    head = [element("th", corner, scope="col", class_="quiet")]
    head += [element("th", element("span", name), scope="col") for name in columns]
    lines = [
        element(
            "tr",
            element("th", row, scope="row"),
            *(_cell(cells.get((row, column)), most) for column in columns),
        )
        for row in rows
    ]
    table = element(
        "table",
        element("caption", caption, class_="heard"),
        element("thead", element("tr", *head)),
        element("tbody", *lines),
        class_="heat",
    )
    below: Content = ""
    if scale:
        below = element("div", scale[0], element("i"), scale[1], class_="scale", aria_hidden="true")
    return joined((element("div", table, class_="wide"), below))


def _cell(cell: Heat | None, most: float) -> Html:
    if cell is None or not cell.number:
        return element("td", "0", class_="none")
    # the square root lets small numbers be seen beside a great one
    tint = FAINTEST + (STRONGEST - FAINTEST) * math.sqrt(cell.number / most)
    return element(
        "td",
        few_digits(cell.number) if cell.shown is None else cell.shown,
        style=f"background:rgba(var(--tint),{tint:.2f})",
        title=cell.text or None,
    )


def few_digits(number: float) -> str:
    """A number in few letters: `7`, `940`, `1.2k`, `35.4k`, `4M`."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + letter
    return f"{number:.3g}"
