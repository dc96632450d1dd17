"""What the commands print with: text in columns for people, JSON for programs.

Data never reaches the terminal as it is: control characters are escaped, and nothing in it is
taken for markup.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from comity.cli.plain import plain
from comity.engine.text import printable

NARROWEST = 24
"""The last column is never wrapped to less than this."""


def cell(data: object, style: str = "") -> Text:
    """Data as text that is safe to print."""
    return Text(printable(str(data)), style)


def show_value(value: object, longest: int = 200) -> str:
    """A value on one line, cut short where it is long."""
    text = repr(plain(value))
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def show(*lines: str | Text) -> None:
    """Print lines; a str is data as well, and is made safe."""
    console = _console()
    for line in lines:
        console.print(line if isinstance(line, Text) else cell(line), soft_wrap=True)


def show_columns(rows: Iterable[Sequence[Text]], right: Iterable[int] = ()) -> None:
    """Print rows of cells under each other; the last column takes the rest of the terminal.

    Args:
        rows: all of the same length.
        right: the columns that are aligned right, such as numbers.
    """
    rows = list(rows)
    console = _console()
    widths = [max(one.cell_len for one in column) for column in zip(*rows, strict=True)][:-1]
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


def width() -> int:
    """How many characters a line of the terminal has."""
    return _console().width


def show_json(value: object) -> None:
    """Print a value as one line of JSON, everything but ASCII escaped."""
    sys.stdout.write(json.dumps(plain(value)) + "\n")


def complain(message: str, code: int) -> int:
    """Say on one line of stderr what went wrong, and return the exit code."""
    text = Text.assemble(("comity: ", "bold red"), cell(message))
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)
    return code


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Whoever read has gone: it is said where the command is run, not here."""
        raise BrokenPipeError


def _console() -> Console:
    """Not made once and for all: tests and programs change where stdout goes."""
    console = _Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 10_000  # what goes into a pipe is for grep and the like: no wrapping
    return console
