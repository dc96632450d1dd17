"""`comity check`: reads a whole journal with today's classes, before a deploy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, TextColumn
from rich.text import Text

from comity.cli.arguments import (
    AllDeciders,
    AsJson,
    JournalPath,
    ShownModel,
    deciders_among,
    load_model,
    processes_among,
)
from comity.cli.console import cell, show, show_aside, show_columns, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.opening import check_path
from comity.cli.progress import ChangingLine
from comity.engine import WiringError
from comity.engine.text import duration
from comity.evolution import (
    Audit,
    AuditProgress,
    CopyRead,
    KindRead,
    ModelPlan,
    Problem,
    check_journal,
)

PROBLEMS: Final = 1
"""The exit code if there are problems."""

Models = Annotated[
    list[ShownModel] | None,
    typer.Option(
        "--models",
        metavar="MODULE:CLASS",
        parser=load_model,
        help="A read model of the program; may be repeated.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--models-folder",
        metavar="FOLDER",
        help="The folder of the domain's models, if it is not inside the journal.",
        show_default=False,
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TYPE",
        help="An aggregate type that has no decider any more; may be repeated.",
        show_default=False,
    ),
]


def check(
    path: JournalPath,
    deciders: AllDeciders,
    *,
    models: Models = None,
    models_folder: Folder = None,
    without: Without = None,
    json: AsJson = False,
) -> None:
    """Read a whole journal with today's classes, and tell what they cannot read.

    It only reads; the domain may be running. It also tells which models will be rebuilt, and about
    how long that takes. Ctrl-C stops; what was seen until then is shown.
    """
    check_path(path)
    try:
        with paused_by_ctrl_c() as stop, CheckBar(json=json) as bar:
            found = check_journal(
                path, deciders_among(deciders),
                processes=processes_among(deciders), models=models or (), folder=models_folder,
                without=without or (),
                progress=bar.show, stop=stop.is_set,
            )  # fmt: skip
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        show_json(found)
    else:
        _tell(found, path)
    if stop.is_set() and not found.complete:
        raise typer.Exit(PAUSED)
    if found.problems:
        raise typer.Exit(PROBLEMS)


class CheckBar(ChangingLine):
    """The progress of a check."""

    def __init__(self, *, json: bool = False) -> None:
        super().__init__(
            TextColumn("{task.fields[stage]}"), BarColumn(), TextColumn("{task.fields[said]}")
        )
        self._task = self._bar.add_task("", total=None, stage="", said="")
        self._json = json

    def show(self, progress: AuditProgress) -> None:
        """Show this progress."""
        if self.is_terminal:
            self._bar.update(
                self._task, completed=progress.done, total=progress.end,
                stage=progress.stage, said=str(progress),
            )  # fmt: skip
        elif self.line_is_due():
            if self._json:
                show_json(progress._asdict(), aside=True)
            else:
                show_aside(f"{progress.stage}: {progress}")


# --- for people -----------------------------------------------------------------------------------


def _tell(found: Audit, path: Path) -> None:
    so_far = "" if found.complete else "; stopped before the end"
    show(
        Text.assemble(
            cell(path, "bold"),
            f": {_many(found.events, 'event')} of {_many(found.aggregates, 'aggregate')}, "
            f"read with today's classes in {found.seconds:.1f} s{so_far}",
        )
    )
    if found.kinds:
        show("")
        show_columns(_kinds(found.kinds), right=[2, 3])
    if found.copies:
        show("")
        show_columns(_copies(found.copies), right=[4, 5])
    if found.commands:
        show("", *_commands(found))
    if found.models:
        show("")
        show_columns(_models(found.models))
    if found.unused:
        show("", f"{found.unused:,} of {found.snapshots:,} snapshots fit another state or evolve:")
        show("their aggregates are loaded from all of their events, once")
    show("")
    for problem in found.problems:
        _tell_problem(problem)
    if found.broken:
        show(f"{found.broken:,} of {_many(found.aggregates, 'aggregate')} cannot be loaded")
    if not found.opens:
        show("the domain does not open on these events, unless with allow_unreadable=True")
    if not found.problems:
        show(Text("no problems", "green") if found.complete else "no problems so far")


_HEADS: Final = ("EVENT", "SCHEMA", "EVENTS", "READ")


def _kinds(kinds: Sequence[KindRead]) -> Iterator[Sequence[Text]]:
    event, *others = (cell(head, "dim") for head in _HEADS)
    yield cell("TYPE", "dim"), event, *others
    for kind in kinds:
        yield (
            cell(kind.type),
            cell(kind.name, "bold"),
            cell(kind.schema, "cyan"),
            cell(f"{kind.events:,}", "cyan"),
            _way(kind),
        )


def _copies(copies: Sequence[CopyRead]) -> Iterator[Sequence[Text]]:
    heads = ("PROCESS", "HAS", "TYPE", "MESSAGE", "SCHEMA", "MESSAGES", "READ")
    yield [cell(head, "dim") for head in heads]
    for one in copies:
        yield (
            cell(one.process),
            cell(one.role),
            cell(one.type),
            cell(one.name, "bold"),
            cell(one.schema, "cyan"),
            cell(f"{one.messages:,}", "cyan"),
            _reader(one),
        )


def _reader(one: CopyRead) -> Text:
    if one.unreadable:
        return cell(f"{one.unreadable:,} cannot be read", "bold red")
    return cell("as it is" if one.read_as == one.name else f"as {one.read_as}", "dim")


def _way(kind: KindRead) -> Text:
    said = {
        "alias": f"as {kind.read_as}",
        "upcast": "upcast",
        "left out": "newer fields are left out",
        "retired": "retired",
        "unknown type": "no decider has this type",
        "unreadable": "",
    }
    told = ", ".join(said[way] for way in kind.ways if said[way])
    if not kind.unreadable:
        return cell(told or "as it is", "dim" if not told else "")
    many = "cannot be read" if kind.unreadable == kind.events else "of them cannot be read"
    return Text.assemble((f"{kind.unreadable:,} {many}", "bold red"), f", {told}" if told else "")


def _commands(found: Audit) -> Iterator[str]:
    kept = sum(one.commands for one in found.commands)
    gone = sum(one.commands for one in found.commands if one.read_as is None)
    unreadable = sum(one.unreadable for one in found.commands)
    bad = f"; {unreadable:,} of them cannot be read" if unreadable else ""
    yield f"{_many(kept, 'command')} kept{bad}"
    if gone:
        names = ", ".join(sorted({one.name for one in found.commands if one.read_as is None}))
        yield f"no class has the name of {gone:,} ({names}): they cannot be rehearsed"


def _models(plans: Sequence[ModelPlan]) -> Iterator[Sequence[Text]]:
    yield cell("MODEL", "dim"), cell("WHEN THE DOMAIN OPENS", "dim")
    for plan in plans:
        time = ""
        if plan.seconds is not None:
            time = f", which takes about {duration(plan.seconds)}"
            time += f" (reckoned from the first {plan.sample:,} events)"
        why = f": {plan.why}" if plan.why else ""
        style = "yellow" if plan.is_built else "green"
        yield cell(plan.model, "bold"), Text.assemble((plan.fate, style), cell(f"{time}{why}"))


def _tell_problem(problem: Problem) -> None:
    show(Text.assemble((f"{problem.count:,} ×", "bold red"), " ", cell(problem.what, "bold")))
    error = ""
    for place in problem.places:
        if place.error != error:
            show(f"    {place.error}")
        error = place.error
        if place.aggregate:
            show(
                f"        {place.aggregate}, version {place.version:,}, position {place.position:,}"
            )
    if problem.count > len(problem.places) > 0:
        show(f"        and {problem.count - len(problem.places):,} more")
    show(Text.assemble("    ", (problem.advice, "dim")))


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
