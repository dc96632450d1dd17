"""Prints rows: in columns if they fit, else one per line; a single row as an outline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from comity.cli.console import cell, show, show_columns, show_value, width
from comity.cli.outline import outline
from comity.cli.plain import plain

LONGEST = 60
"""The most characters of a value in a column."""

Shown = Mapping[str, object]
"""A row, or some columns of it."""


def show_rows(rows: Sequence[Shown]) -> None:
    """Print rows that all have the same fields."""
    if len(rows) == 1:
        show(*outline(plain(rows[0])))
        return
    table = list(_in_columns(rows))
    wide = sum(max(one.cell_len for one in column) + 2 for column in zip(*table, strict=True))
    show_columns(
        table if wide - 2 <= width() else [(Text("-", "cyan"), in_line(one)) for one in rows]
    )


def in_line(row: Shown) -> Text:
    """Format a row on one line: `card='c1' title='Pay'`."""
    said = [cell(f"{name}=", "dim") + cell(show_value(value)) for name, value in row.items()]
    return Text(" ").join(said)


def _in_columns(rows: Sequence[Shown]) -> Iterator[Sequence[Text]]:
    yield [cell(name.upper(), "dim") for name in rows[0]]
    for row in rows:
        yield [_cell(value) for value in row.values()]


def _cell(value: object) -> Text:
    if value is None:
        return cell("–", "dim")
    text = value if isinstance(value, str) else show_value(value)
    return cell(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
