"""`comity migrate`: writes a journal anew through a function, while its domain goes on or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer
from rich.progress import BarColumn, TextColumn
from rich.text import Text

from comity.cli.arguments import (
    FLAG,
    AsJson,
    deciders_among,
    load_function,
    load_wired,
    processes_among,
)
from comity.cli.console import cell, show, show_aside, show_columns, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.opening import check_path
from comity.cli.progress import ChangingLine
from comity.engine import WiringError
from comity.evolution import CopyProgress, Migrated
from comity.evolution import migrate as copy_through

if TYPE_CHECKING:
    from comity.engine.journal.event_kind import EventKind
    from comity.evolution.copying.answers import Rewrite

    Function: TypeAlias = Rewrite
else:  # help shows the name of an argument's type
    Function = type("module:function", (), {})

Original = Annotated[
    Path,
    typer.Argument(metavar="OLD", help="The journal to copy: a directory.", show_default=False),
]
Copy = Annotated[
    Path,
    typer.Argument(
        metavar="NEW", help="The copy: a directory that does not exist.", show_default=False
    ),
]
With = Annotated[
    Function,
    typer.Option(
        "--with",
        metavar="MODULE:FUNCTION",
        parser=load_function,
        help="Gives the records that the copy has instead of a record.",
        show_default=False,
    ),
]
Follow = Annotated[
    bool,
    typer.Option("--follow", metavar=FLAG, help="Keep up with the domain until it is closed."),
]
Folded = Annotated[
    list[str] | None,
    typer.Option(
        "--decider",
        metavar="MODULE:NAME",
        help="Fold each aggregate of the copy with this decider or process of today; may be "
        "repeated.",
        show_default=False,
    ),
]


def migrate(
    old: Original,
    new: Copy,
    *,
    function: With,
    follow: Follow = False,
    decider: Folded = None,
    json: AsJson = False,
) -> None:
    """Write a journal anew through a function: split, merge, rename, move or leave out events.

    OLD is not changed. The copy is verified; until it is complete, no domain opens it. Ctrl-C
    pauses: the same command goes on from where it stopped.
    """
    check_path(old)
    wired = [load_wired(one) for one in decider or ()]
    try:
        with paused_by_ctrl_c() as stop, CopyBar(json=json) as bar:
            done = copy_through(
                old, new, function,
                deciders=deciders_among(wired), processes=processes_among(wired),
                follow=follow, progress=bar.show, stop=stop.is_set,
            )  # fmt: skip
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        show_json(as_json(done))
    else:
        tell(done, old, new)
    if not done.complete:
        raise typer.Exit(PAUSED)


class CopyBar(ChangingLine):
    """The progress of a migration."""

    def __init__(self, *, json: bool = False) -> None:
        super().__init__(
            TextColumn("{task.fields[stage]}"), BarColumn(), TextColumn("{task.fields[said]}")
        )
        self._task = self._bar.add_task("", total=None, stage="", said="")
        self._json = json

    def show(self, progress: CopyProgress) -> None:
        """Show this progress."""
        if self.is_terminal:
            self._bar.update(
                self._task, completed=progress.done, total=progress.total,
                stage=progress.stage.value, said=str(progress),
            )  # fmt: skip
        elif self.line_is_due():
            if self._json:
                show_json(progress._asdict(), aside=True)
            else:
                show_aside(f"{progress.stage.value}: {progress}")


def as_json(done: Migrated) -> dict[str, object]:
    """The result as JSON has it. docs/cli.md documents the fields."""
    original, copied = _joined(done.events), _joined(done.events_copied)
    kinds = [
        {
            "type": kind.type, "event": kind.name, "schema_version": kind.schema,
            "events": original[kind], "events_copied": copied[kind],
        }
        for kind in sorted({*original, *copied})
    ]  # fmt: skip
    told: dict[str, object] = {**asdict(done), "events": kinds}
    del told["events_copied"]
    return told


def tell(done: Migrated, old: Path, new: Path) -> None:
    """Print the result for people."""
    if not done.complete:
        many = f"{done.records_copied:,} records are copied"
        show(f"paused; {many}; run the same command to continue")
        return
    events, copied = sum(done.events.values()), sum(done.events_copied.values())
    show(Text.assemble(cell(new, "bold"), " is complete and verified"), "")
    show_columns(
        [
            tuple([cell(name, "dim") for name in ("", "OLD", "NEW", "")]),
            (cell("records"), *_numbers(done.records, done.records_copied), cell(_changed(done))),
            (cell("events"), *_numbers(events, copied), cell("")),
            (cell("aggregates"), cell(""), cell(f"{done.aggregates:,}", "cyan"), _folded(done)),
        ],
        right=[1, 2],
    )
    changes = list(_changes(done))
    if changes:
        show("")
        show_columns([_HEAD, *changes], right=[0, 1, 2])
    rate = done.records / max(1e-3, done.seconds)
    show(
        "",
        f"{done.records:,} records in {done.seconds:.1f} s, {rate:,.0f} a second; nobody could "
        f"open {old} in the last {done.break_seconds or 0:.1f} s.",
        f"{old} is unchanged. Open {new} from now on: what a program still writes into {old} is "
        "not copied. Read models are built anew when the domain opens.",
    )


_HEAD: Final = tuple([cell(name, "dim") for name in ("OLD", "NEW", "VERSION", "EVENT")])


def _numbers(old: int, new: int) -> tuple[Text, Text]:
    return cell(f"{old:,}", "cyan"), cell(f"{new:,}", "cyan")


def _changed(done: Migrated) -> str:
    resumed = f"; an earlier run had written {done.resumed:,}" if done.resumed else ""
    return f"the function changed {done.changed:,}{resumed}"


def _folded(done: Migrated) -> Text:
    same = f", {done.same:,} of them unchanged and with the same state" if done.same else ""
    missing = ", ".join(done.not_folded)
    not_folded = f"; --decider would also fold those of {missing}" if missing else ""
    return cell(f"{done.folded:,} folded{same}{not_folded}")


def _changes(done: Migrated) -> Iterator[tuple[Text, Text, Text, Text]]:
    """The kinds of events of which the copy has more or fewer than the original."""
    original, copied = _joined(done.events), _joined(done.events_copied)
    for kind in sorted({*original, *copied}):
        old, new = original[kind], copied[kind]
        if old != new:
            yield *_numbers(old, new), cell(kind.schema), cell(f"{kind.type}: {kind.name}", "bold")


def _joined(events: Mapping[EventKind, int]) -> Counter[EventKind]:
    """The counts by name and schema version, whoever may read the events."""
    joined: Counter[EventKind] = Counter()
    for kind, many in events.items():
        joined[kind._replace(readable=0)] += many
    return joined
