"""`comity verify`: reads all of a journal, and tells what is damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer
from rich.filesize import decimal
from rich.progress import BarColumn, TextColumn
from rich.text import Text

from comity.cli.arguments import AsJson, JournalPath
from comity.cli.console import cell, show, show_aside, show_columns, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.opening import check_path
from comity.cli.progress import ChangingLine
from comity.engine.verifying.verified import ADVICE, Fault, Part, Verified, VerifyProgress
from comity.engine.verifying.verify import verify as read_all

FAULTS: Final = 1
"""The exit code if there are faults."""


def verify(path: JournalPath, *, json: AsJson = False) -> None:
    """Read all of a journal, its structure and its content, and tell what is damaged.

    It changes nothing; the domain may be running. The ledgers of outlets and the read models inside
    the journal are read, too. Ctrl-C stops; what was seen until then is shown.
    """
    check_path(path)
    with paused_by_ctrl_c() as stop, VerifyBar(json=json) as bar:
        found = read_all(path, progress=bar.show, stop=stop.is_set)
    if json:
        show_json({**vars(found), "faults": [as_json(one) for one in found.faults]})
    else:
        tell(found, path)
    if found.found:
        raise typer.Exit(FAULTS)
    if not found.complete:
        raise typer.Exit(PAUSED)


class VerifyBar(ChangingLine):
    """The progress of a verification."""

    def __init__(self, *, json: bool = False) -> None:
        super().__init__(
            TextColumn("{task.fields[stage]}"), BarColumn(), TextColumn("{task.fields[said]}")
        )
        self._task = self._bar.add_task("", total=None, stage="", said="")
        self._json = json

    def show(self, progress: VerifyProgress) -> None:
        """Show this progress."""
        if self.is_terminal:
            self._bar.update(
                self._task, completed=progress.done, total=progress.of,
                stage=progress.stage, said=str(progress),
            )  # fmt: skip
        elif self.line_is_due():
            if self._json:
                show_json(progress._asdict(), aside=True)
            else:
                show_aside(f"{progress.stage}: {progress}")


def as_json(fault: Fault) -> dict[str, object]:
    """A fault as JSON has it, with what to do about it."""
    return {**fault._asdict(), "advice": ADVICE[fault.part]}


def tell(found: Verified, path: Path) -> None:
    """Print the report for people."""
    show(Text.assemble(cell(path, "bold"), f": {_read(found)}"), "")
    show_columns(list(_figures(found)), right=[0])
    show("")
    if found.found:
        _tell_faults(found)
    elif found.complete:
        show(Text("sound", "green"))
    else:
        show("no faults so far")


def _read(found: Verified) -> str:
    so_far = "" if found.complete else "; stopped before the end"
    beside = " beside its writers" if found.held else ""
    return f"{decimal(found.bytes)} read{beside} in {found.seconds:.1f} s{so_far}"


def _figures(found: Verified) -> Iterator[tuple[Text, Text]]:
    for many, what in (
        (found.commits, "commits"), (found.records, "commands"), (found.events, "events"),
        (found.aggregates, "aggregates"), (found.ids, "command ids in the index"),
        (found.snapshots, "snapshots"), (found.pages, "pages in use"),
        (len(found.outlets), "ledgers of outlets"), (len(found.models), "read models"),
    ):  # fmt: skip
        if many:
            yield cell(f"{many:,}", "cyan"), cell(what)


def _tell_faults(found: Verified) -> None:
    told = Counter[Part](one.part for one in found.faults)
    show(Text(f"{found.found:,} fault{'' if found.found == 1 else 's'}", "bold red"))
    for part in told:
        show("", Text(part, "bold"))
        for one in found.faults:
            if one.part == part:
                place = f" ({one.place})" if one.place else ""
                show(f"    {one.what}{place}")
        show(Text.assemble("    ", (ADVICE[part], "dim")))
    if found.found > len(found.faults):
        show("", f"and {found.found - len(found.faults):,} more")
