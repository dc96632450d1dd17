"""The matrix as a page: a picture with a colour for each rule, and below it where they clash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from comity.engine import Matrix, Meeting
from comity.engine.merging.matrix import Cell
from comity.simulation.telling.markup import Html, element, joined, table
from comity.simulation.telling.page import figure, figures, key, page, section

STYLE: Final = """
table.matrix td { background: color-mix(in srgb, var(--of, transparent) 24%, var(--ground));
  cursor: default; }
table.matrix td.commutes { background: repeating-linear-gradient(135deg,
  color-mix(in srgb, var(--of) 26%, var(--ground)) 0 5px, var(--ground) 5px 10px); }
table.matrix td.merges { color: var(--quiet); }
table.matrix thead th:first-child { max-width: 8em; white-space: normal; text-align: right; }
table.matrix td abbr { display: none; }
@media (max-width: 620px) {
  table.matrix td span { display: none; }
  table.matrix td abbr { display: inline; text-decoration: none; }
}
"""
LEAD: Final = (
    "Each row is a command, and each column an event that the command's sender has not seen when "
    "it sends it. The cell says what happens then."
)
HOW: Final = (
    "A dot: they never overlap, so the command merges. A colour: the rule decides if both "
    "are about the same thing. Stripes: the command merges also then, if all its events commute "
    "with the unseen one."
)


def matrix_page(matrix: Matrix) -> str:
    """Return the page of a matrix."""
    rules = list(dict.fromkeys(short_rule(cell) for cell in matrix.cells if cell.rule))
    colours = {rule: f"s{number % 8 + 1}" for number, rule in enumerate(rules)}
    clashes = [cell for cell in matrix.cells if cell.meeting is not Meeting.MERGES]
    return page(
        f"What merges in {matrix.decider}",
        figures(_counts(matrix)),
        figure(
            "Commands and unseen events",
            joined((_picture(matrix, colours), key(rules))),
            text=HOW,
        ),
        section(
            "Where they meet",
            element(
                "p",
                "The fields in braces must have the same values in the command and in the event; "
                "else they merge.",
                class_="quiet",
            ),
            table(
                ("command", "unseen event", "decided by", "place"),
                [(one.command, one.event, _decided(one), one.path or "") for one in clashes],
                "where commands and events overlap",
            ),
        ),
        lead=LEAD,
        style=STYLE,
    )


def short_rule(cell: Cell) -> str:
    """The name of the cell's rule; of a rule of the command's own only `on_conflict`."""
    return str(cell.rule).removeprefix(f"{cell.command}.")


def _counts(matrix: Matrix) -> Iterator[tuple[str, str]]:
    told = {
        Meeting.MERGES: "pairs always merge",
        Meeting.COMMUTES: "pairs merge if the events commute, else a rule decides",
        Meeting.CLASHES: "pairs are decided by a rule, if they are about the same thing",
    }
    for meeting, text in told.items():
        yield str(sum(cell.meeting is meeting for cell in matrix.cells)), text


def _picture(matrix: Matrix, colours: dict[str, str]) -> Html:
    corner = element("th", "command, and unseen event", scope="col", class_="quiet")
    heads = [element("th", element("span", event), scope="col") for event in matrix.events]
    lines = [
        element(
            "tr",
            element("th", command, scope="row"),
            *(_square(cell, colours) for cell in matrix.cells if cell.command == command),
        )
        for command in matrix.commands
    ]
    drawn = element(
        "table",
        element("caption", "what happens when a command meets an unseen event", class_="heard"),
        element("thead", element("tr", corner, *heads)),
        element("tbody", *lines),
        class_="heat matrix",
    )
    return element("div", drawn, class_="wide")


def _square(cell: Cell, colours: dict[str, str]) -> Html:
    if cell.meeting is Meeting.MERGES:
        return element("td", "·", class_="merges", title=f"{cell.command}, {cell.event}: merges")
    rule = short_rule(cell)
    commutes = cell.meeting is Meeting.COMMUTES
    return element(
        "td",
        element("span", rule),
        element("abbr", rule[:2]),
        class_=f"{colours[rule]} commutes" if commutes else colours[rule],
        title=f"{cell.command}, {cell.event}: {_decided(cell)}, at {cell.path}",
    )


def _decided(cell: Cell) -> str:
    rule = short_rule(cell)
    return f"commutes, else {rule}" if cell.meeting is Meeting.COMMUTES else rule
