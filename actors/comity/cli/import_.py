"""`comity import`: an export back to the same journal, or events from elsewhere."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TypeAlias, cast

import typer

from comity.cli.arguments import AsJson, load_deciders, load_function
from comity.cli.console import show, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.transfer_bar import TransferBar
from comity.engine import WiringError
from comity.evolution import (
    ImportedEvents,
    ImportedJournal,
    NotAnExport,
    import_events,
    import_journal,
)

if TYPE_CHECKING:
    from comity.evolution.exporting.imported_command import ReadRow

    Function: TypeAlias = ReadRow
else:  # help shows the name of an argument's type
    Function = type("module:function", (), {})

From = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="What to read, compressed or not; - is stdin.", show_default=False
    ),
]
New = Annotated[
    Path,
    typer.Argument(
        metavar="NEW",
        help="The journal: a directory that does not exist. With --with it may exist.",
        show_default=False,
    ),
]
With = Annotated[
    Function | None,
    typer.Option(
        "--with",
        metavar="MODULE:FUNCTION",
        parser=load_function,
        help="Says what a row from elsewhere means, and gives commands with their events.",
        show_default=False,
    ),
]
Deciders = Annotated[
    list[str] | None,
    typer.Option(
        "--decider",
        metavar="MODULE:NAME",
        help="With --with: a decider of the events, of today; may be repeated.",
        show_default=False,
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="With --with: FILE is a table whose columns this separates. By default it is one if "
        "its name ends with .csv or .tsv, and has lines of JSON otherwise.",
        show_default=False,
    ),
]


def import_(
    file: From,
    new: New,
    *,
    function: With = None,
    decider: Deciders = None,
    separator: Separator = None,
    json: AsJson = False,
) -> None:
    """Read an export back to the same journal, and verify it; or add events from elsewhere.

    A new journal is not opened by any domain until it is complete. Ctrl-C pauses: the same command
    goes on from where it stopped. With --with, a command that the journal has already is skipped.
    """
    if function is None and (decider or separator):
        raise typer.BadParameter("--decider and --separator are for events from elsewhere: --with")
    if function is not None and not decider:
        raise typer.BadParameter("--with needs the deciders of the events: --decider MODULE:NAME")
    deciders = load_deciders(decider) or ()
    source = _stdin() if file == "-" else file
    done: ImportedJournal | ImportedEvents
    try:
        with paused_by_ctrl_c() as stop, TransferBar(json=json) as bar:
            if function is None:
                done = import_journal(source, new, progress=bar.show, stop=stop.is_set)
            else:
                done = import_events(
                    source, new, function, deciders=deciders, separator=separator,
                    progress=bar.show, stop=stop.is_set,
                )  # fmt: skip
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        show_json(as_json(done))
    else:
        tell(done, new)
    if not done.complete:
        raise typer.Exit(PAUSED)


def _stdin() -> BinaryIO:
    """Standard input, as bytes.

    Raises:
        NotAnExport: it is closed.
    """
    if cast("object", sys.stdin) is None:
        raise NotAnExport("stdin is closed")
    return sys.stdin.buffer


def as_json(done: ImportedJournal | ImportedEvents) -> dict[str, object]:
    """The result as JSON has it. docs/cli.md documents the fields."""
    if isinstance(done, ImportedEvents):
        return asdict(done)
    restores = [branch._asdict() for branch in done.lineage.restores]
    return {**asdict(done), "lineage": {"id": done.lineage.id, "restores": restores}}


def tell(done: ImportedJournal | ImportedEvents, new: Path) -> None:
    """Print the result for people."""
    if isinstance(done, ImportedEvents):
        many = f"{done.commands:,} commands with {done.events:,} events added to {new}"
        rest = f"{done.repeated:,} were there already, {done.left_out:,} rows were left out"
        paused = "" if done.complete else "paused: "
        more = "" if done.complete else "; run the same command to continue"
        show(f"{paused}{done.rows:,} rows read, {many}; {rest}{more}")
        return
    if not done.complete:
        show(f"paused; {done.records:,} records are imported; run the same command to continue")
        return
    rate = done.records / max(1e-3, done.seconds)
    resumed = f"; an earlier run had written {done.resumed:,} of them" if done.resumed else ""
    show(
        f"{new} is complete and verified: {done.records:,} records with {done.events:,} events in "
        f"{done.seconds:.1f} s, {rate:,.0f} a second{resumed}"
    )
    if done.gaps:
        show(f"The original had dropped {done.gaps:,} records; later ones have lower numbers here.")
