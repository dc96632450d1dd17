"""The list of commands, and the error message and exit code when one fails. `main` runs it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from inspect import getdoc

import typer

from comity.cli.aggregates import aggregates
from comity.cli.backup import backup
from comity.cli.check import check
from comity.cli.compact import compact
from comity.cli.console import complain
from comity.cli.contract import contract
from comity.cli.deliver import deliver
from comity.cli.events import events
from comity.cli.export import export
from comity.cli.footprints import footprints
from comity.cli.history import history
from comity.cli.import_ import import_
from comity.cli.matrix import matrix
from comity.cli.migrate import migrate
from comity.cli.models import models
from comity.cli.outlets import outlets
from comity.cli.parked import parked
from comity.cli.processes import processes
from comity.cli.query import query
from comity.cli.rebuild import rebuild
from comity.cli.rehearse import rehearse
from comity.cli.restore import restore
from comity.cli.salvage import salvage
from comity.cli.simulate import simulate
from comity.cli.state import state
from comity.cli.stats import stats
from comity.cli.timers import timers
from comity.cli.verify import verify
from comity.cli.watch import watch
from comity.engine import ComityError
from comity.engine.text import told

app = typer.Typer(
    name="comity",
    help="Inspect journals, deciders and read models, while their domain is running or not.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
READ_SIDE = "Read models"
OUTSIDE = "Processes and outlets"
CHANGING = "Changing the domain"
OPERATING = "Operating"
PANELS: Mapping[str, Sequence[Callable[..., None]]] = {
    "Journals and deciders": (
        aggregates,
        events,
        history,
        state,
        matrix,
        footprints,
        stats,
    ),
    "Simulations": (simulate,),
    CHANGING: (check, migrate, rehearse),
    READ_SIDE: (models, query, watch, rebuild),
    OUTSIDE: (processes, timers, outlets, deliver),
    OPERATING: (backup, restore, verify, salvage, compact, export, import_),
}
for panel, commands in PANELS.items():
    for command in commands:
        # import_ is `import`, which a function of Python cannot be called
        app.command(command.__name__.rstrip("_"), rich_help_panel=panel)(command)
app.add_typer(contract, name="contract", rich_help_panel=CHANGING)
app.add_typer(parked, name="parked", rich_help_panel=OUTSIDE)
for one in (*app.registered_commands, *contract.registered_commands, *parked.registered_commands):
    # Typer keeps the line breaks of a docstring, which a terminal of 80 columns would break again.
    paragraphs = (getdoc(one.callback) or "").split("\n\n")
    one.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def run() -> int:
    """Run the command in `sys.argv` and return the exit code.

    0: done; 1: a problem with the journal, its data or the imported program; 2: a wrong argument;
    130: Ctrl-C; 141: the reader of the output closed the pipe, as shells report it.
    """
    logging.getLogger("comity").addHandler(logging.NullHandler())  # errors are printed below
    try:
        code = app(prog_name="comity", standalone_mode=False) or 0
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise  # else typer exits because of the closed pipe
        return _unread()
    except (ComityError, OSError) as error:
        return complain(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:
        # A wrong argument. Typer's versions share no class for it, only this method.
        message = getattr(error, "format_message", None)
        if message is None:  # probably the imported program's: a state that cannot be shown
            return complain(f"{type(error).__name__}: {told(error)}", 1)
        return complain(message() or "which command?", 2)  # no arguments: help was shown
    return code


def _unread() -> int:
    """Discard further output: its reader has closed the pipe (`comity history … | head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
