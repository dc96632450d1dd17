"""Prints results: text in columns for people, JSON for programs.

Data is made safe before it is printed: control characters are escaped, and nothing in it is read as
markup.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

from comity.cli.plain import plain
from comity.engine.text import printable

NARROWEST = 24
"""The least width of the last column, in characters."""


def cell(data: object, style: str = "") -> Text:
    """Data as text that is safe to print."""
    return Text(printable(str(data)), style)


def show_value(value: object, longest: int = 200) -> str:
    """A value on one line, cut to `longest` characters."""
    text = repr(plain(value))
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def show(*lines: str | Text) -> None:
    """Print lines; a str is made safe as data is."""
    console = _console()
    for line in lines:
        console.print(line if isinstance(line, Text) else cell(line), soft_wrap=True)


def show_columns(
    rows: Iterable[Sequence[Text]], right: Iterable[int] = (), widths: Sequence[int] = ()
) -> Sequence[int]:
    """Print rows in aligned columns; the last column takes the rest of the terminal's width.

    Args:
        rows: cells; all rows have the same length.
        right: the numbers of the columns to align right.
        widths: the least widths of the columns: those of the rows that were printed before.

    Returns:
        The widths of all columns but the last.
    """
    rows = list(rows)
    console = _console()
    needed = [max(one.cell_len for one in column) for column in zip(*rows, strict=True)][:-1]
    widths = [max(each) for each in zip_longest(needed, widths, fillvalue=0)]
    left = sum(widths) + 2 * len(widths)
    room = max(NARROWEST, console.width - left)
    for *cells, last in rows:
        line = Text()
        for column, (one, width) in enumerate(zip(cells, widths, strict=True)):
            space = " " * (width - one.cell_len)
            line += Text.assemble(*((space, one) if column in right else (one, space)), "  ")
        for wrapped in last.wrap(console, room) or [Text()]:
            wrapped.rstrip()
            line += wrapped
            line.rstrip()
            console.print(line, soft_wrap=True)
            line = Text(" " * left)
    return widths


def width() -> int:
    """The terminal's width in characters."""
    return _console().width


def show_json(value: object, *, aside: bool = False) -> None:
    """Print a value as one line of JSON, if `aside` on stderr; only ASCII is not escaped."""
    (sys.stderr if aside else sys.stdout).write(json.dumps(plain(value)) + "\n")


def show_aside(line: str) -> None:
    """Print a line on stderr."""
    Console(stderr=True, highlight=False).print(cell(line), soft_wrap=True)


def complain(message: str, code: int) -> int:
    """Print an error on one line of stderr, and return the exit code."""
    text = Text.assemble(("comity: ", "bold red"), cell(message))
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)
    return code


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let `run` handle a closed pipe."""
        raise BrokenPipeError


def _console() -> Console:
    """A new console for each call, since tests and programs may replace stdout."""
    console = _Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 10_000  # a pipe leads to grep and the like: no wrapping
    return console
