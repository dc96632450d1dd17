"""The commands, and what is said when one of them goes wrong. `main` runs it."""

from __future__ import annotations

import os
import sys

import typer

from comity.cli.console import complain
from comity.cli.history import history
from comity.cli.matrix import matrix
from comity.cli.state import state
from comity.cli.stats import stats
from comity.engine import ComityError

app = typer.Typer(
    name="comity",
    help="Look at journals and deciders. Changes nothing, and works beside a running host.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (history, state, matrix, stats):
    app.command()(command)


def run() -> int:
    """Run the command that was typed and return the exit code.

    1: the journal or its data are not as expected; 2: what was typed is not.
    """
    try:
        return app(standalone_mode=False) or 0
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
        if message is None:
            raise
        return complain(message() or "which command?", 2)  # help was shown: nothing was typed
