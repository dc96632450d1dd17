"""The commands, and what is said when one of them goes wrong. `main` runs it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence

import typer

from comity.cli.console import complain
from comity.cli.history import history
from comity.cli.matrix import matrix
from comity.cli.models import models
from comity.cli.parked import parked
from comity.cli.query import query
from comity.cli.rebuild import rebuild
from comity.cli.state import state
from comity.cli.stats import stats
from comity.cli.watch import watch
from comity.engine import ComityError
from comity.engine.text import told

app = typer.Typer(
    name="comity",
    help="Look at journals, deciders and read models, beside a running domain or without one.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
READ_SIDE = "Read models"
PANELS: Mapping[str, Sequence[Callable[..., None]]] = {
    "Journals and deciders": (history, state, matrix, stats),
    READ_SIDE: (models, query, watch, rebuild),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(parked, name="parked", rich_help_panel=READ_SIDE)


def run() -> int:
    """Run the command that was typed and return the exit code.

    1: the journal or its data are not as expected; 2: what was typed is not.
    """
    logging.getLogger("comity").addHandler(logging.NullHandler())  # what is wrong is said below
    try:
        return app(prog_name="comity", standalone_mode=False) or 0
    except (ComityError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # `comity history … | head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        return complain(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:
        # What was mistyped. Typer's versions have no class in common for it, only this method.
        message = getattr(error, "format_message", None)
        if message is None:  # most likely of what was imported: a state that cannot be shown
            return complain(f"{type(error).__name__}: {told(error)}", 1)
        return complain(message() or "which command?", 2)  # help was shown: nothing was typed
