"""The frame of a page that needs nothing else: no script, no font, no picture, no network.

Reports of simulations, the matrix and the examples' reports are such pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from comity.simulation.telling.markup import Content, Html, element, html, joined
from comity.simulation.telling.style import STYLE


def page(title: str, *parts: Content, lead: Content = "", style: str = "") -> str:
    """Return a whole HTML page, light or dark as its reader's system is.

    Args:
        title: the title and the heading.
        parts: what is below it: `section`, `figure`, `markup.table`, or texts.
        lead: a paragraph below the heading.
        style: more CSS, after the page's own.

    Example:
        text = page("Two people", section("What happened", story(lines)))
        Path("report.html").write_text(text, encoding="utf-8")
    """
    lead = element("p", lead, class_="lead") if lead else ""
    main = element("main", element("header", element("h1", title), lead), *parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n"
        f"<body>\n{main}\n</body>\n</html>\n"
    )


def section(title: str, *parts: Content, name: str | None = None) -> Html:
    """A part of a page with a heading; `name` is what a link to it ends with."""
    return Html(f"\n{element('section', element('h2', title), *parts, id=name)}")


def figure(
    title: str, picture: Content, *, text: str = "", caption: str = "", table: Content = ""
) -> Html:
    """A picture in a panel: a plot, bars or a heat map.

    Args:
        title: what the picture shows, in few words.
        picture: the picture.
        text: how to read it, above the picture.
        caption: what else there is to know, below the picture.
        table: the same figures as a table, folded away below it.
    """
    folded = element("details", element("summary", "The figures"), table) if table else ""
    return element(
        "figure",
        element("h3", title),
        element("p", text) if text else "",
        picture,
        element("figcaption", caption) if caption else "",
        folded,
    )


def panels(*parts: Content) -> Html:
    """Figures side by side, or below each other if there is no room."""
    return element("div", *parts, class_="panels")


def figures(told: Iterable[tuple[Content, str]]) -> Html:
    """Large numbers, each with what it is the number of."""
    return element(
        "div",
        *(element("div", element("b", number), element("span", text)) for number, text in told),
        class_="figures",
    )


def key(names: Sequence[str]) -> Html:
    """What the colours of a picture mean, in the order of their numbers."""
    return element(
        "ul",
        *(element("li", element("i"), name, class_=colour(at)) for at, name in enumerate(names)),
        class_="key",
    )


def colour(number: int) -> str:
    """The class of the colour with this number, counted from 0; there are eight."""
    return f"s{number % 8 + 1}"


def terms(told: Iterable[tuple[str, Content]]) -> Html:
    """Words and what they mean here."""
    return element(
        "dl", *(joined((element("dt", word), element("dd", said))) for word, said in told)
    )


def story(lines: Iterable[str], *, bad: Iterable[str] = ()) -> Html:
    """What happened, one line after the other; those of `bad` stand out, at the end.

    If a line begins with a time, such as `00:02:11.000`, the time is set apart.
    """
    return element(
        "ol",
        *(element("li", *_timed(line)) for line in lines),
        *(element("li", *_timed(line), class_="bad") for line in bad),
        class_="story",
    )


def _timed(line: str) -> tuple[Content, ...]:
    time, _, rest = line.partition(" ")
    return (element("time", time), " ", rest) if time[:1].isdigit() and ":" in time else (line,)


def alarm(title: str, *parts: Content) -> Html:
    """What went wrong, in a place where nobody misses it."""
    return element("aside", element("h2", title), *parts)
