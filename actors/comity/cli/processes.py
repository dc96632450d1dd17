"""`comity processes`: what a domain's processes do and wait for, read from their agendas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from comity.actors import InstanceStatus, ProcessStatus, Stuck
from comity.actors.processes.process_reader import ProcessReader, processes_in
from comity.actors.processes.trying import Trying
from comity.cli.arguments import AsJson, JournalPath, ModelsFolder, Part, load_part
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.instance import show_instance
from comity.cli.opening import check_path, opened_process
from comity.cli.sharers import leader
from comity.cli.standing import away, is_over, lag, number
from comity.engine import Invalid
from comity.engine.runtime.system import now

if TYPE_CHECKING:
    from comity.actors.processes.agenda_rows import InstanceState
    from comity.actors.processes.process_status import ProcessState
    from comity.engine.processes.process import AnyProcess

STATES: Final[Mapping[str, InstanceState]] = {
    "new": "new", "running": "running", "ended": "ended",
}  # fmt: skip
STYLES: Final[Mapping[ProcessState, str]] = {
    "following": "green",
    "catching up": "yellow",
    "starting": "yellow",
    "waiting": "yellow",
    "paused": "yellow",
    "stopped": "bold red",
}

Name = Annotated[
    Part | None,
    typer.Argument(
        metavar="NAME|MODULE:NAME",
        parser=load_part,
        help="A process by its name, or its code, such as examples.trip.process:trip, which also "
        "tells what is stuck, and why.",
        show_default=False,
    ),
]
Key = Annotated[
    str | None, typer.Argument(metavar="KEY", help="One instance of it.", show_default=False)
]
State = Annotated[
    str | None,
    typer.Option(
        metavar="STATE", help="Only instances that are new, running or ended.", show_default=False
    ),
]
Limit = Annotated[int, typer.Option(min=1, max=1_000, metavar="N", help="So many instances.")]
After = Annotated[
    str | None,
    typer.Option(metavar="CURSOR", help="The page after this one, as it says.", show_default=False),
]


def processes(
    path: JournalPath,
    name: Name = None,
    key: Key = None,
    *,
    state: State = None,
    limit: Limit = 20,
    after: After = None,
    models: ModelsFolder = None,
    json: AsJson = False,
) -> None:
    """Show the processes, the instances of one, or one instance: what it did and waits for.

    Works beside an open domain and without one. With the code of a process it also tries what its
    instances wait for, without effect, and says why they do not go on. JSON has one object per
    line.
    """
    check_path(path)
    if state is not None and state not in STATES:
        raise typer.BadParameter(f"--state: expected new, running or ended, got {state!r:.50}")
    if name is None:
        _show_all(path, models, json=json)
        return
    code = name if not isinstance(name, str) else None
    with opened_process(path, name if isinstance(name, str) else name.name, models) as reader:
        if key is not None:
            show_instance(reader, key, code, json=json)
            return
        try:
            page = reader.instances(STATES.get(state or ""), limit=limit, after=after)
        except Invalid as error:
            msg = f"--after: {error}"
            raise typer.BadParameter(msg) from None
        found = [] if code is None else _stuck(reader, code)
        if json:
            for one in page.rows:
                stuck = [f"{each.doing}: {each.reason}" for each in found if each.key == one.key]
                show_json({**one._asdict(), "stuck": None if code is None else stuck})
            return
        _show_status(reader.status(), known=len({one.key for one in found}) if code else None)
        _show_instances(page.rows, page.next)
        _show_stuck(found)


def _stuck(reader: ProcessReader, code: AnyProcess) -> list[Stuck]:
    with reader.agenda() as agenda:
        return list(Trying(code, reader.journal, now()).stuck(agenda))


# --- all processes --------------------------------------------------------------------------------


def _show_all(path: Path, models: Path | None, *, json: bool) -> None:
    found: list[ProcessStatus] = []
    for name in processes_in(path):
        with ProcessReader.open(path, name, models=models) as reader:
            found.append(reader.status())
    if json:
        for one in found:
            told = asdict(one)
            del told["stuck"]  # nobody but the program that runs it knows
            show_json(told)
    elif found:
        show_columns(_rows(found), right=[1, 2, 3, 4, 5])
    else:
        show("there are no processes: open the domain with processes=[...]")


_HEADS = ("PROCESS", "RUNNING", "ENDED", "UNHEARD", "ORDERS", "TIMERS", "LEADER", "STATE")


def _rows(found: Sequence[ProcessStatus]) -> Iterator[Sequence[Text]]:
    yield [cell(head, "dim") for head in _HEADS]
    for one in found:
        numbers = (one.running, one.ended, one.unheard, one.orders, one.timers)
        yield cell(one.name, "bold"), *map(number, numbers), leader(one.led_by), _state(one)


def _state(one: ProcessStatus) -> Text:
    said = Text.assemble(cell(one.state, STYLES[one.state]))
    if one.error:
        said.append_text(cell(f": {one.error}"))
    for more in lag(one.lag_events, one.lag_seconds), _oldest(one), _next_timer(one):
        if more:
            said.append(f"; {more}")
    return said


def _oldest(one: ProcessStatus) -> str:
    return f"the oldest waits for {away(one.oldest)}" if one.oldest else ""


def _next_timer(one: ProcessStatus) -> str:
    if one.next_timer is None:
        return ""
    what = "is late by" if is_over(one.next_timer) else "rings in"
    return f"the next timer {what} {away(one.next_timer)}"


# --- the instances of one -------------------------------------------------------------------------


def _show_status(one: ProcessStatus, *, known: int | None) -> None:
    stuck = "" if known is None else f", {known:,} stuck"
    counts = f": {one.running:,} running, {one.ended:,} ended{stuck}; "
    show(Text.assemble(cell(one.name, "bold"), counts, _state(one)), "")


def _show_instances(rows: Sequence[InstanceStatus], next_: str | None) -> None:
    if not rows:
        show("no instances")
        return
    show_columns(_instances(rows), right=[3, 4, 5])
    if next_ is not None:
        show("", f"there are more: --after {next_}")


def _instances(rows: Sequence[InstanceStatus]) -> Iterator[Sequence[Text]]:
    heads = ("KEY", "STATE", "CHANGED", "UNHEARD", "ORDERS", "TIMERS", "WHY IT ENDED")
    yield [cell(head, "dim") for head in heads]
    for one in rows:
        yield (
            cell(one.key, "bold"),
            cell(one.state, "green" if one.state == "running" else ""),
            cell(f"{one.changed:%Y-%m-%d %H:%M:%S}", "dim"),
            number(one.unheard),
            number(one.orders),
            number(one.timers),
            cell(one.reason),
        )


def _show_stuck(found: Sequence[Stuck]) -> None:
    for one in found:
        show("", Text.assemble((f"{one.key}", "bold"), " is stuck: it ", cell(one.doing)))
        show(Text.assemble("    ", cell(one.reason)))
