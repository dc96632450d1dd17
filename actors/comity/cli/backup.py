"""`comity backup`: copies a domain while it is used, again and again into the same folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.text import Text

from comity.actors import backup as back_up
from comity.cli.arguments import FLAG, AsJson, JournalPath
from comity.cli.backup_bar import BackupBar, moment_of
from comity.cli.console import cell, complain, show, show_columns, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.opening import check_path
from comity.cli.outlets import LedgersFolder
from comity.engine import WiringError
from comity.engine.backups.backed_up import BackedUp

Dest = Annotated[
    Path,
    typer.Argument(
        metavar="DEST",
        help="The backup: a folder that does not exist, or an earlier backup of this domain.",
        show_default=False,
    ),
]
Whole = Annotated[
    bool,
    typer.Option(
        "--whole", metavar=FLAG, help="Check all of the backup, not only what is copied now."
    ),
]


def backup(
    path: JournalPath,
    dest: Dest,
    *,
    whole: Whole = False,
    ledgers: LedgersFolder = None,
    json: AsJson = False,
) -> None:
    """Back up a domain while programs use it or not: its journal and its outlets' ledgers.

    The first backup into DEST copies everything, later ones what is new; what was copied is read
    back. Writers are not stopped. Read models are not copied: a domain builds them from its
    journal. Ctrl-C pauses: DEST is then a sound backup of an earlier moment, and the same command
    goes on.
    """
    check_path(path)
    try:
        with paused_by_ctrl_c() as stop, BackupBar(json=json) as bar:
            done = back_up(
                path, dest, ledgers=ledgers, whole=whole, progress=bar.show, stop=stop.is_set
            )
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        show_json(asdict(done))
    else:
        tell(done, path, dest)
    for name, why in done.failed_ledgers.items():
        complain(f"the ledger of the outlet {name} could not be copied: {why}", 1)
    if not done.complete:
        raise typer.Exit(PAUSED)
    if done.failed_ledgers:
        raise typer.Exit(1)


def tell(done: BackedUp, path: Path, dest: Path) -> None:
    """Print the result for people."""
    many, holds = done.commits, done.holds
    if not done.complete:
        copied = f"{many:,} commits were copied, and {dest} is sound up to there"
        show(f"paused; {copied}; run the same command to continue")
        return
    show(Text.assemble(cell(dest, "bold"), f" has everything that {path} has"), "")
    show_columns(list(_figures(done)), right=[1, 2])
    last = f"The last command is of {moment_of(holds.time)}. " if holds.time else ""
    ledgers = "ledger" if len(holds.outlets) == 1 else "ledgers"
    outlets = f"With the {ledgers} of {', '.join(holds.outlets)}. " if holds.outlets else ""
    copied = f"{decimal(done.size)} copied, " if many else ""
    show(
        "",
        f"{copied}{done.read_back:,} commits read back, in {done.seconds:.1f} s.",
        f"{last}{outlets}Read models are not in it: a domain builds them.",
    )


def _figures(done: BackedUp) -> Iterator[tuple[Text, Text, Text, Text]]:
    yield cell(""), cell("COPIED", "dim"), cell("IN ALL", "dim"), cell("")
    holds = done.holds
    rows = (
        ("commits", done.commits, holds.commits, ""),
        ("commands", done.commands, holds.commands, "including refused ones"),
        ("position", holds.position - done.position, holds.position, "of the last event"),
    )
    for name, copied, every, meaning in rows:
        figures = cell(f"{copied:,}", "cyan"), cell(f"{every:,}", "cyan")
        yield cell(name), *figures, cell(meaning, "dim")
