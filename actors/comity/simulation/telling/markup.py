"""Safe HTML: every text is escaped, unless it is markup that this room made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TypeAlias

from comity.simulation.telling.axis import span


class Html(str):
    """Markup that is put into a page as it is. Any other text is escaped."""

    __slots__ = ()


class Percent(float):
    """A share that is shown as a percentage: `Percent(0.125)` is `12.5 %`."""

    __slots__ = ()


class Seconds(float):
    """A duration that is shown with its unit: `Seconds(0.25)` is `250 ms`."""

    __slots__ = ()


Content: TypeAlias = "str | int | float"
"""What a page shows: markup, a text, or a number."""


def html(content: Content) -> Html:
    """Content as markup: a text is escaped, and a number gets separators (`12,345`)."""
    match content:
        case Html():
            return content
        case str():
            return Html(escape(content))
        case int():
            return Html(f"{content:,}")
        case Percent():
            return Html(f"{content * 100:.1f} %")
        case Seconds():
            return Html(span(content))
        case float():
            return Html(f"{content:,.1f}")


def joined(parts: Iterable[Content]) -> Html:
    """All parts, one after the other."""
    return Html("".join(map(html, parts)))


def element(name: str, *parts: Content, **attributes: str | None) -> Html:
    """An element, such as `element("p", "a < b", class_="quiet")`.

    Args:
        name: the element's name.
        parts: what is in it.
        attributes: underscores become hyphens, and one at the end is dropped (`class_`,
            `aria_label`). None leaves an attribute out.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{said}>{joined(parts)}</{name}>")


def paragraph(*parts: Content) -> Html:
    """A paragraph."""
    return element("p", *parts)


def items(texts: Iterable[Content]) -> Html:
    """A list of short texts."""
    return element("ul", *(element("li", text) for text in texts))


def table(head: Sequence[Content], rows: Iterable[Sequence[Content]], caption: str = "") -> Html:
    """A table; its first column names the rows.

    Numbers, and the heads above them, are aligned to the right.

    Args:
        head: the names of the columns.
        rows: the cells, as many as the head has.
        caption: what the table shows, for those who hear it.
    """
    body = [list(row) for row in rows]
    right = {column for row in body for column, cell in enumerate(row) if not isinstance(cell, str)}
    heads = [
        element("th", cell, scope="col", class_="number" if column in right else None)
        for column, cell in enumerate(head)
    ]
    lines = [element("tr", *(_cell(number, one) for number, one in enumerate(row))) for row in body]
    title = [element("caption", caption, class_="heard")] if caption else []
    whole = element(
        "table", *title, element("thead", element("tr", *heads)), element("tbody", *lines)
    )
    return element("div", whole, class_="wide")


def _cell(column: int, content: Content) -> Html:
    if column == 0:
        return element("th", content, scope="row")
    number = not isinstance(content, str)
    return element("td", content, class_="number" if number else None)
