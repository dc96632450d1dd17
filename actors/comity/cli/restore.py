"""`comity restore`: checks a backup, and makes a domain's directory of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from comity.actors import check_backup
from comity.actors import restore as restore_to
from comity.cli.arguments import FLAG, AsJson
from comity.cli.backup_bar import BackupBar, moment_of
from comity.cli.console import cell, show, show_json
from comity.engine import WiringError
from comity.engine.backups.backed_up import Lacking, Restored

Backup = Annotated[
    Path,
    typer.Argument(
        metavar="BACKUP", help="The folder that `comity backup` has written.", show_default=False
    ),
]
New = Annotated[
    Path | None,
    typer.Argument(
        metavar="PATH",
        help="The new directory of the domain: nothing may be there.",
        show_default=False,
    ),
]
Check = Annotated[
    bool, typer.Option("--check", metavar=FLAG, help="Only check the backup, and make nothing.")
]
Beside = Annotated[
    Path | None,
    typer.Option(
        "--beside",
        metavar="ORIGINAL",
        help="Say what the backup lacks beside this journal; by default the one that was backed "
        "up, if it is still where it was.",
        show_default=False,
    ),
]


def restore(
    backup: Backup,
    path: New = None,
    *,
    check: Check = False,
    beside: Beside = None,
    json: AsJson = False,
) -> None:
    """Make a domain's directory of a backup, after checking every page and every checksum.

    Nothing is overwritten. PATH appears when all of it is there. What follows the journal is told
    that it was restored, and does not skip events that replace lost ones. With --check the backup
    is only checked.
    """
    if (path is None) is not check:
        msg = "give PATH, where nothing is; or --check alone, to make nothing"
        raise typer.BadParameter(msg)
    try:
        with BackupBar(json=json) as bar:
            if path is None:
                done = check_backup(backup, beside=beside, progress=bar.show)
            else:
                done = restore_to(backup, path, beside=beside, progress=bar.show)
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        show_json(asdict(done))
    else:
        show(*_told(done, backup))


def _told(done: Restored, backup: Path) -> Iterator[str | Text]:
    holds = done.holds
    if done.path is None:
        yield Text.assemble(cell(backup, "bold"), " is sound")
    else:
        yield Text.assemble(cell(_short(done.path), "bold"), f" is restored from {backup}")
    yield ""
    last = f"; the last is of {moment_of(holds.time)}" if holds.time else ""
    yield (
        f"{holds.commands:,} commands in {holds.commits:,} commits, up to position "
        f"{holds.position:,}{last}."
    )
    if holds.outlets:
        ledgers = "ledger" if len(holds.outlets) == 1 else "ledgers"
        yield f"With the {ledgers} of {', '.join(holds.outlets)}."
    if not done.complete:
        before = f"The last complete one is of {moment_of(done.backed_up)}. "
        yield (
            f"The last backup was interrupted. {before if done.backed_up else ''}What it had "
            "copied by then is there."
        )
    if done.lacking:
        yield _lacking(done.lacking)
    done_in = f"in {done.seconds:.1f} s"
    if done.path is None:
        yield f"Each page and each checksum was read {done_in}."
    else:
        yield f"Checked and written {done_in}. Read models are built when the domain opens."


def _short(path: Path) -> Path:
    """The path from here, if it is inside of the current directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _lacking(lacking: Lacking) -> str:
    where = _short(lacking.original)
    if lacking.why_unknown:
        return f"What it lacks beside {where} is unknown: {lacking.why_unknown}."
    if not lacking.commits:
        return f"It lacks nothing that is in {where} now."
    return (
        f"It lacks the last {lacking.commands:,} commands of {where}, in {lacking.commits:,} "
        f"commits, with {lacking.positions:,} positions; the last is of {moment_of(lacking.time)}."
    )
