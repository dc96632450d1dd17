"""`comity rebuild`: rebuilds a model in this process and swaps it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from comity.actors.projecting.build import Build, HandedOver
from comity.actors.projecting.parallel_build import build_in_parallel
from comity.cli.arguments import (
    AsJson,
    DeciderNames,
    JournalPath,
    Model,
    ModelsFolder,
    load_deciders,
)
from comity.cli.console import cell, show, show_json
from comity.cli.ctrl_c import PAUSED, paused_by_ctrl_c
from comity.cli.opening import check_path
from comity.cli.progress import BuildBar, waiting
from comity.engine import WiringError
from comity.engine.runtime.system import Flag, monotonic
from comity.readmodels.tables.read_model import AnyReadModel

SAID: Mapping[HandedOver | None, str] = {
    "swapped": "the new tables are in use",
    "taken": "its domain uses the new tables",
    "offered": "offered to its domain, which will use the new tables as soon as it can",
    None: "paused; run the same command to continue",
}


def rebuild(
    path: JournalPath,
    model: Model,
    *,
    decider: DeciderNames = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            metavar="N",
            help="Use this many processes; only for models that are keyed_by_aggregate.",
            show_default=False,
        ),
    ] = None,
    models: ModelsFolder = None,
    json: AsJson = False,
) -> None:
    """Rebuild a read model from the journal, and swap in the new tables.

    If its domain is running, the domain answers from the old tables meanwhile, and then takes over
    the new ones. Ctrl-C pauses: the next `comity rebuild` continues where this one stopped.
    """
    check_path(path)
    if processes and processes > 1 and not model.keyed_by_aggregate:
        msg = (
            f"--processes: {model.__name__} does not declare keyed_by_aggregate = True, so two "
            "aggregates may change the same row; build it with one process"
        )
        raise typer.BadParameter(msg)
    with paused_by_ctrl_c() as stop, _opened(path, model, decider, models, processes) as build:
        built = _build(build, stop, json=json)
    if build.given_up and not json:
        begun = ", ".join(map(str, build.given_up))
        show(f"an unfinished build with another number of processes ({begun}) was discarded")
    _tell(built, json=json)
    if built.handed_over is None:
        raise typer.Exit(PAUSED)


@dataclass
class Built:
    """The result of a build. docs/cli.md documents the fields."""

    model: str
    processes: int
    seconds: float
    events: int
    """How many events of the journal were applied, or skipped because no rule needs them."""
    position: int
    parked: int
    """How many events were parked, since `project` failed on them."""
    handed_over: HandedOver | None
    """None if the build is paused."""


def _opened(
    path: Path,
    model: type[AnyReadModel],
    named: list[str] | None,
    folder: Path | None,
    processes: int | None,
) -> Build:
    deciders = load_deciders(named)
    try:
        return Build.open(path, model, deciders=deciders, folder=folder, processes=processes)
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None


def _build(build: Build, stop: Flag, *, json: bool) -> Built:
    name, began = build.model.__name__, monotonic()
    with BuildBar(f"building {name}", json=json) as bar:
        done = build.processes == 1 or build_in_parallel(build, bar.show, stop)
        done = done and build.go_on(bar.show, stop)
    handed_over: HandedOver | None = None
    if done:
        with waiting(f"{name} is built; waiting until its domain has taken it"):
            handed_over = build.hand_over(stop)
    seconds = monotonic() - began
    return Built(
        model=name,
        processes=build.processes,
        seconds=seconds,
        events=bar.done,
        position=bar.position,
        parked=build.parked,
        handed_over=handed_over,
    )


def _tell(built: Built, *, json: bool) -> None:
    if json:
        show_json(built)
        return
    rate = built.events / max(1e-3, built.seconds)
    many = f"{built.events:,} events in {built.seconds:.1f} s, {rate:,.0f} a second"
    parked = f"; {built.parked:,} events are parked" if built.parked else ""
    what = f": position {built.position:,}, {many}; {SAID[built.handed_over]}{parked}"
    show(Text.assemble(cell(built.model, "bold"), what))
