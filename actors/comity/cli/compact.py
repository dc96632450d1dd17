"""`comity compact`: gives back room of a journal, its models and its ledgers, beside its domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer
from rich.filesize import decimal
from rich.progress import BarColumn, TextColumn
from rich.text import Text

from comity.actors.operating.compacting import Beside, beside
from comity.cli.arguments import FLAG, AsJson, JournalPath, ModelsFolder
from comity.cli.console import cell, show, show_aside, show_columns, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.opening import check_path
from comity.cli.outlets import LedgersFolder
from comity.cli.progress import ChangingLine
from comity.engine import ComityError
from comity.engine.compacting.compact import Compacted, plan
from comity.engine.compacting.compact import compact as compact_journal
from comity.engine.compacting.progress import Part, Progress, Stopped
from comity.engine.compacting.tidying import Tidied
from comity.engine.journal.window import KEEP_FOR, KEEP_IDS, Window
from comity.engine.lmdb.environment import Room

Yes = Annotated[
    bool,
    typer.Option("--yes", metavar=FLAG, help="Do it; without this, only say what would be done."),
]
Refusals = Annotated[
    bool,
    typer.Option(
        "--refusals",
        metavar=FLAG,
        help="Also drop who was refused what, and when, from before the window.",
    ),
]
KeepIds = Annotated[
    int, typer.Option(min=0, metavar="N", help="The window: so many newest commands, and …")
]
KeepDays = Annotated[
    float, typer.Option(min=0, metavar="DAYS", help="… no older ones than so many days.")
]


def compact(
    path: JournalPath,
    *,
    yes: Yes = False,
    refusals: Refusals = False,
    keep_ids: KeepIds = KEEP_IDS,
    keep_days: KeepDays = KEEP_FOR / timedelta(days=1),
    models: ModelsFolder = None,
    ledgers: LedgersFolder = None,
    json: AsJson = False,
) -> None:
    """Give back room: old command ids and snapshots, refusals, and what deleted rows have left.

    Without --yes it only says what it would free. It works beside a running domain. The journal's
    file itself becomes smaller only if no program has it open. No event is ever dropped. Ctrl-C
    stops; the same command goes on.
    """
    check_path(path)
    window = Window.of(keep_ids, timedelta(days=keep_days))
    try:
        with paused_by_ctrl_c() as stop, CompactBar(json=json) as bar:
            planned = plan(path, refusals=refusals, window=window, show=bar.show, stop=stop.is_set)
            files = beside(path, models=models, ledgers=ledgers)
            if not json:
                bar.pause()
                _show_plan(path, planned, files, window)
                bar.go_on()
            done = None
            if yes:
                journal = compact_journal(
                    path, refusals=refusals, window=window, show=bar.show, stop=stop.is_set
                )
                done = Done(journal, [_compacted(one, bar, stop.is_set) for one in files])
    except Stopped:
        show_aside("stopped; what was done stays done, and the same command goes on")
        raise typer.Exit(PAUSED) from None
    _tell(planned, files, done, json=json)
    if done is not None and any(one.problem for one in done.files):
        raise typer.Exit(1)


class FileDone(NamedTuple):
    """What became of a file beside the journal."""

    file: Beside
    after: Room | None
    """None: it was left as it is."""
    problem: str = ""
    """Why, if it should have become smaller."""


class Done(NamedTuple):
    """What was done."""

    journal: Compacted
    files: list[FileDone]


def _compacted(file: Beside, bar: CompactBar, stop: Callable[[], bool]) -> FileDone:
    if not file.pays:
        return FileDone(file, None)
    try:
        return FileDone(file, file.compact(bar.show, stop))
    except ComityError as error:
        return FileDone(file, None, str(error))


class CompactBar(ChangingLine):
    """The progress of a compaction."""

    def __init__(self, *, json: bool = False) -> None:
        super().__init__(
            TextColumn("{task.fields[stage]}"), BarColumn(), TextColumn("{task.fields[said]}")
        )
        self._task = self._bar.add_task("", total=None, stage="looking", said="")
        self._json = json

    def show(self, progress: Progress) -> None:
        """Show this progress."""
        if self.is_terminal:
            self._bar.update(
                self._task, completed=progress.done, total=max(1, progress.total),
                stage=progress.stage.value, said=str(progress),
            )  # fmt: skip
        elif self.line_is_due():
            if self._json:
                show_json(progress._asdict(), aside=True)
            else:
                show_aside(f"{progress.stage.value}: {progress}")

    def pause(self) -> None:
        """Remove the line while other lines are printed."""
        if self.is_terminal:
            self._bar.stop()

    def go_on(self) -> None:
        """Show the line again."""
        if self.is_terminal:
            self._bar.start()


# --- for people -----------------------------------------------------------------------------------

_HEAD: Final = tuple([cell(name, "dim") for name in ("", "ROWS", "BYTES", "")])


def _show_plan(path: Path, planned: Tidied, files: list[Beside], window: Window) -> None:
    show(Text.assemble(cell(path, "bold"), f": {_size(planned.room.size)}"), "")
    show_columns([_HEAD, *_parts(planned, window), *_rooms(planned, files)], right=[1, 2])


def _parts(planned: Tidied, window: Window) -> Iterator[tuple[Text, ...]]:
    days = window.keep_for / timedelta(days=1)
    outside = f"outside of the newest {window.ids:,} commands and the last {days:g} days"
    yield _part("command ids", planned.ids, outside)
    yield _part(
        "older snapshots",
        planned.snapshots,
        f"of aggregates that have not changed for {days:g} days",
    )
    if planned.refusals is None:
        yield _row("refusals", "", "", "stay: --refusals drops those outside of the same window")
    else:
        lost = "who was refused what, and when; commands without effect; see docs/cli.md"
        yield _part("refusals", planned.refusals, lost)


def _rooms(planned: Tidied, files: list[Beside]) -> Iterator[tuple[Text, ...]]:
    yield _row(
        "free in the journal", "", _size(planned.room.free), f"of {_size(planned.room.size)}"
    )
    for one in files:
        name = f"free in {one.kind} {one.name}"
        if one.room is None:
            yield _row(name, "", "", one.problem or "there is no file")
        else:
            yield _row(name, "", _size(one.room.free), f"of {_size(one.room.size)}")


def _part(name: str, part: Part, why: str) -> tuple[Text, ...]:
    return _row(name, f"{part.many:,}", _size(part.bytes), why)


def _row(name: str, many: str, size: str, why: str) -> tuple[Text, ...]:
    return cell(name), cell(many, "cyan"), cell(size, "cyan"), cell(why, "dim")


def _size(size: int) -> str:
    return decimal(size)


def _tell(planned: Tidied, files: list[Beside], done: Done | None, *, json: bool) -> None:
    if json:
        show_json(as_json(planned, files, done))
    elif done is None:
        show("", "nothing was changed: add --yes to free it")
    else:
        show("", *_said_of_journal(done.journal))
        for one in done.files:
            said = _said(one)
            if said:
                show(f"{one.file.kind} {one.file.name}: {said}")


def _said_of_journal(done: Compacted) -> Iterator[str]:
    dropped = _size(done.tidied.bytes)
    if done.shrunk is not None:
        before, after = _size(done.shrunk.before), _size(done.shrunk.after)
        yield f"journal: {dropped} dropped; its file took {before} and takes {after}"
        return
    yield f"journal: {dropped} dropped; {_size(done.tidied.room.free)} are free for what comes next"
    if done.in_use:
        yield f"its file keeps its size: {done.in_use}"


def _said(one: FileDone) -> str:
    if one.problem:
        return one.problem
    if one.after is None or one.file.room is None:
        return ""
    return f"its file took {_size(one.file.room.size)} and takes {_size(one.after.size)}"


# --- for programs ---------------------------------------------------------------------------------


def as_json(planned: Tidied, files: list[Beside], done: Done | None) -> dict[str, object]:
    """The plan and the result as JSON has them. docs/cli.md documents the fields."""
    journal = done.journal if done else None
    shrunk = journal.shrunk if journal else None
    after = {one.file.folder: one for one in done.files} if done else {}
    return {
        "plan": _tidied(planned),
        "done": _tidied(journal.tidied) if journal else None,
        "size_before": planned.room.size,
        "size_after": shrunk.after if shrunk else journal.tidied.room.size if journal else None,
        "in_use": (journal.in_use or None) if journal else None,
        "files": [_file(one, after.get(one.folder)) for one in files],
    }


def _tidied(tidied: Tidied) -> dict[str, object]:
    parts = {"ids": tidied.ids, "snapshots": tidied.snapshots, "refusals": tidied.refusals}
    told: dict[str, object] = {
        name: part._asdict() if part is not None else None for name, part in parts.items()
    }
    return {**told, "size": tidied.room.size, "free": tidied.room.free}


def _file(one: Beside, done: FileDone | None) -> dict[str, object]:
    problem = one.problem or (done.problem if done else "")
    return {
        "kind": one.kind.value,
        "name": one.name,
        "size": one.room.size if one.room else None,
        "free": one.room.free if one.room else None,
        "size_after": done.after.size if done and done.after else None,
        "problem": problem or None,
    }
