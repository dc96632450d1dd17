"""`comity matrix`: the result of each command for each event that its sender has not seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from comity.cli.arguments import DECIDER_HELP, AsJson, ShownDecider, load_decider
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.matrix_page import matrix_page, short_rule
from comity.engine import Matrix, Meeting
from comity.engine import matrix as matrix_of
from comity.engine.merging.matrix import Cell

STYLES = {Meeting.MERGES: "green", Meeting.COMMUTES: "cyan", Meeting.CLASHES: "yellow"}


def matrix(
    decider: Annotated[
        ShownDecider,
        typer.Argument(
            metavar="DECIDER",
            parser=load_decider,
            help=DECIDER_HELP,
            show_default=False,
        ),
    ],
    *,
    json: AsJson = False,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write it as a picture to this HTML file.", show_default=False
        ),
    ] = None,
) -> None:
    """Show which command merges with which unseen event, and which rule decides if they clash.

    It is computed from the classes and needs no journal.
    """
    table = matrix_of(decider)
    if html is not None:
        html.write_text(matrix_page(table), encoding="utf-8")
        if not json:
            show(Text.assemble("wrote ", cell(html, "bold")))
            return
    if json:
        show_json(asdict(table))
        return
    name = cell(table.decider, "bold")
    show(Text.assemble(name, ": the result of a command for each unseen event"), "")
    show_columns(_rows(table))


def _rows(table: Matrix) -> Iterator[tuple[Text, Text, Text]]:
    yield cell("COMMAND", "dim"), cell("RULE", "dim"), cell("UNSEEN EVENT", "dim")
    for command in table.commands:
        label = cell(command, "bold")
        cells = sorted((c for c in table.cells if c.command == command), key=_by_rule)
        for _, same_rule in groupby(cells, _rule):
            rule = None
            for path, same_path in groupby(same_rule, lambda one: one.path or ""):
                same = list(same_path)
                rule = cell(_rule(same[0]), STYLES[same[0].meeting]) if rule is None else Text()
                where = cell(f" at {path}" if path else "", "dim")
                yield label, rule, cell(", ".join(one.event for one in same)) + where
                label = Text()


def _by_rule(one: Cell) -> tuple[int, str, str]:
    return list(Meeting).index(one.meeting), one.rule or "", one.path or ""


def _rule(one: Cell) -> str:
    rule = short_rule(one)
    match one.meeting:
        case Meeting.MERGES:
            return "merges"
        case Meeting.COMMUTES:
            return f"commutes, else {rule}"
        case Meeting.CLASHES:
            return rule
