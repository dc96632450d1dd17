"""`comity import`: an export back to the same journal, or events from elsewhere."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from comity.cli.arguments import AsJson
from comity.cli.console import show, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.transfer_bar import TransferBar
from comity.engine import WiringError
from comity.evolution import ImportedJournal, import_journal

From = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="What to read, compressed or not; - is stdin.", show_default=False
    ),
]
New = Annotated[
    Path,
    typer.Argument(
        metavar="NEW", help="The journal: a directory that does not exist.", show_default=False
    ),
]


def import_(file: From, new: New, *, json: AsJson = False) -> None:
    """Read an export back to the same journal, record by record, and verify it.

    Until it is complete, no domain opens the journal. Ctrl-C pauses: the same command goes on from
    where it stopped.
    """
    try:
        with paused_by_ctrl_c() as stop, TransferBar(json=json) as bar:
            source = sys.stdin.buffer if file == "-" else file
            done = import_journal(source, new, progress=bar.show, stop=stop.is_set)
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        lineage = done.lineage
        restores = [branch._asdict() for branch in lineage.restores]
        show_json({**asdict(done), "lineage": {"id": lineage.id, "restores": restores}})
    else:
        tell(done, new)
    if not done.complete:
        raise typer.Exit(PAUSED)


def tell(done: ImportedJournal, new: Path) -> None:
    """Print the result for people."""
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
