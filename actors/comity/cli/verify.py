"""`comity verify`: reads all of a journal, and tells what is damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer
from rich.filesize import decimal
from rich.progress import BarColumn, TextColumn
from rich.text import Text

from comity.cli.arguments import (
    AnyDecider,
    AsJson,
    JournalPath,
    deciders_among,
    load_classes,
    processes_among,
)
from comity.cli.console import cell, show, show_aside, show_columns, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.opening import check_path
from comity.cli.progress import ChangingLine
from comity.engine import Decider, Process, WiringError
from comity.engine.processes.process import AnyProcess
from comity.engine.runtime.system import Flag
from comity.engine.verifying.verified import ADVICE, Fault, Part, Verified, VerifyProgress
from comity.engine.verifying.verify import verify as read_all
from comity.evolution.auditing.progress import AuditProgress
from comity.evolution.auditing.verify_rows import VerifiedRows, verify_rows
from comity.readmodels.tables.read_model import AnyReadModel, is_read_model

FAULTS: Final = 1
"""The exit code if there are faults."""


if TYPE_CHECKING:
    Named: TypeAlias = AnyDecider | AnyProcess | type[AnyReadModel]
else:  # help shows the name of an argument's type
    Named = type("module:name", (), {})

Classes = Annotated[
    list[Named] | None,
    typer.Argument(
        metavar="[DECIDER|PROCESS|MODEL]...",
        parser=load_classes,
        help="All deciders and processes of the program, and read models to compare.",
        show_default=False,
    ),
]


def verify(path: JournalPath, classes: Classes = None, *, json: AsJson = False) -> None:
    """Read all of a journal, its structure and its content, and tell what is damaged.

    It changes nothing; the domain may be running. The ledgers of outlets and the read models inside
    the journal are read, too. With the program's deciders, each event is loaded, each state folded,
    and snapshots and read models are compared with their events. Ctrl-C stops; what was seen until
    then is shown.
    """
    check_path(path)
    with paused_by_ctrl_c() as stop, VerifyBar(json=json) as bar:
        found = read_all(path, progress=bar.show, stop=stop.is_set)
        rows = None
        if classes and found.complete and not set(map(_part, found.faults)) - {"model", "outlet"}:
            rows = _with_classes(path, classes, bar, stop)
    if json:
        shown = {**vars(found), "faults": [as_json(one) for one in found.faults]}
        show_json(shown if rows is None else {**shown, "classes": rows})
    else:
        tell(found, path)
        if classes:
            _tell_rows(rows)
    if found.found or (rows is not None and not rows.is_sound):
        raise typer.Exit(FAULTS)
    if not found.complete or (rows is not None and not rows.audit.complete):
        raise typer.Exit(PAUSED)


def _with_classes(path: Path, classes: Sequence[Named], bar: VerifyBar, stop: Flag) -> VerifiedRows:
    models = [one for one in classes if is_read_model(one)]
    wired = [one for one in classes if isinstance(one, (Decider, Process))]
    try:
        return verify_rows(
            path, deciders_among(wired), processes=processes_among(wired), models=models,
            progress=bar.show, stop=stop.is_set,
        )  # fmt: skip
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None


def _part(fault: Fault) -> Part:
    return fault.part


def _tell_rows(rows: VerifiedRows | None) -> None:
    """Print what the program's classes make of the journal."""
    if rows is None:
        show("", "the classes have not read it, since it is damaged or was not read to its end")
        return
    show("", f"{rows.audit.events:,} events were loaded, {rows.audit.aggregates:,} states folded")
    for problem in rows.audit.problems:
        show(Text.assemble((f"    {problem.count:,} ×", "bold red"), " ", cell(problem.what)))
        for place in problem.places:
            where = f" ({place.aggregate}, version {place.version:,})" if place.aggregate else ""
            show(f"        {place.error}{where}")
    for one in rows.models:
        if not one.compared:
            show(f"{one.model} was not compared: {one.what}")
        elif one.what:
            show(Text.assemble((one.model, "bold red"), cell(f": {one.what}")))
        else:
            show(f"{one.model} has the rows that its events give")


class VerifyBar(ChangingLine):
    """The progress of a verification."""

    def __init__(self, *, json: bool = False) -> None:
        super().__init__(
            TextColumn("{task.fields[stage]}"), BarColumn(), TextColumn("{task.fields[said]}")
        )
        self._task = self._bar.add_task("", total=None, stage="", said="")
        self._json = json

    def show(self, progress: VerifyProgress | AuditProgress) -> None:
        """Show this progress."""
        if self.is_terminal:
            self._bar.update(
                self._task, completed=progress.done, total=progress[2],
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
                place = "" if one.place in one.what else f" ({one.place})"
                show(f"    {one.what}{place}")
        show(Text.assemble("    ", (ADVICE[part], "dim")))
    if found.found > len(found.faults):
        show("", f"and {found.found - len(found.faults):,} more")
