"""`comity timers`: the timers that a domain's processes have set, the next one first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.text import Text

from comity.actors.processes.process_reader import processes_in
from comity.cli.arguments import AsJson, JournalPath, ModelsFolder
from comity.cli.console import cell, complain, show, show_columns, show_json
from comity.cli.opening import check_path, opened_process
from comity.cli.standing import away, is_over
from comity.engine import ReadModelError
from comity.engine.messages.moment import moment
from comity.engine.runtime.system import now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="Only those of this process.", show_default=False),
]
Limit = Annotated[int, typer.Option(min=1, max=1_000, metavar="N", help="So many timers.")]


class Timer(NamedTuple):
    """A timer that is set. docs/cli.md documents the fields."""

    process: str
    key: str
    """The instance that set it."""
    name: str
    due: datetime


def timers(
    path: JournalPath,
    name: Name = None,
    *,
    limit: Limit = 20,
    models: ModelsFolder = None,
    json: AsJson = False,
) -> None:
    """Show the timers that processes have set, the next one first.

    Works without the program's code, beside an open domain and without one. JSON has one object
    per line.
    """
    check_path(path)
    found, many, unknown = _found(path, name, limit, models)
    if json:
        for one in found:
            left = (one.due - moment(now())).total_seconds()
            show_json({**one._asdict(), "seconds_left": left})
    elif found:
        show_columns(_rows(found))
        if many > len(found):
            show("", f"{many - len(found):,} more: --limit {min(many, 1_000)}")
    elif not unknown:
        show("no timers are set")
    if unknown:
        raise typer.Exit(complain("; ".join(unknown), 1))


def _found(
    path: Path, name: str | None, limit: int, models: Path | None
) -> tuple[Sequence[Timer], int, Sequence[str]]:
    """Return the next timers, how many there are, and why those of a process are not known."""
    rows, unknown = list[Timer](), list[str]()
    many = 0
    for each in processes_in(path) if name is None else [name]:
        with opened_process(path, each, models) as reader:
            try:
                rows += [Timer(each, *one) for one in reader.timers(limit)]
                many += reader.status().timers
            except ReadModelError as error:  # one must not hide the others
                unknown.append(str(error))
    rows.sort(key=lambda one: (one.due, one.process, one.key))
    return rows[:limit], many, unknown


def _rows(found: Sequence[Timer]) -> Iterator[Sequence[Text]]:
    yield [cell(head, "dim") for head in ("DUE", "", "PROCESS", "INSTANCE", "TIMER")]
    for one in found:
        late = is_over(one.due)
        yield (
            cell(f"{one.due:%Y-%m-%d %H:%M:%S}", "cyan"),
            cell(f"{'late by' if late else 'in'} {away(one.due)}", "yellow" if late else "dim"),
            cell(one.process),
            cell(one.key, "bold"),
            cell(one.name),
        )
