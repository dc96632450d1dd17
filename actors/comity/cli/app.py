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

    1: the journal or its data are not as expected; 2: what was typed is not; 141: whoever read the
    output has gone, as a shell says it of others.
    """
    logging.getLogger("comity").addHandler(logging.NullHandler())  # what is wrong is said below
    try:
        code = app(prog_name="comity", standalone_mode=False) or 0
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise  # else it is typer's word for the same
        return _unread()
    except (ComityError, OSError) as error:
        return complain(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:
        # What was mistyped. Typer's versions have no class in common for it, only this method.
        message = getattr(error, "format_message", None)
        if message is None:  # most likely of what was imported: a state that cannot be shown
            return complain(f"{type(error).__name__}: {told(error)}", 1)
        return complain(message() or "which command?", 2)  # help was shown: nothing was typed
    return code


def _unread() -> int:
    """Whoever read has seen enough: `comity history … | head`. What is left goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
