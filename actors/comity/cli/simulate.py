"""`comity simulate`: plays people who work at once, and shows what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, cast

import typer

from comity.cli.arguments import FLAG, AsJson
from comity.cli.playing import Wanted, check_report, cores, play_once, play_under, search
from comity.cli.script import Script, load_script
from comity.engine import Invalid, WiringError
from comity.simulation.records.run import seed_of

if TYPE_CHECKING:
    ShownScript: TypeAlias = Script
else:  # help shows the name of an argument's type
    ShownScript = type("script.py[:scenario]", (), {})


def read_seed(text: str) -> int:
    """Parse a seed: a number, or a run's `seed_text`."""
    try:
        return seed_of(text)
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None


def simulate(
    script: Annotated[
        ShownScript,
        typer.Argument(
            metavar="SCRIPT",
            parser=load_script,
            help="A Python script with a scenario, such as team.py or team.py:monday.",
            show_default=False,
        ),
    ],
    *,
    people: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="So many people.", show_default=False),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(metavar="H", help="So many simulated hours.", show_default=False),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(metavar="SEED", parser=read_seed, help="Chooses what people do, and when."),
    ] = cast("int", "0"),  # typer parses a default, too
    compare: Annotated[
        bool, typer.Option("--compare", metavar=FLAG, help="Play it under several sets of rules.")
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Play so many seeds, from --seed on, until one fails.",
            show_default=False,
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=256,
            help="Play the seeds in so many processes; by default one per core.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a report to look at.", show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """Play a scenario: people who look, think and change things at the same time.

    It is played on the real engine in virtual time, so a day takes seconds, and the same seed gives
    the same run. Ctrl-C ends it; what was played until then is shown.
    """
    check_report(html)
    wanted = Wanted(script, seed, people, hours, html, json)
    if seeds is not None and compare:
        msg = "--seeds plays one set of rules, --compare one seed: leave one of them out"
        raise typer.BadParameter(msg)
    if processes is not None and seeds is None:
        msg = "--processes shares the seeds of --seeds: give both"
        raise typer.BadParameter(msg)
    try:
        if seeds is not None:
            code = search(wanted, range(seed, seed + seeds), processes or cores())
        else:
            code = play_under(wanted) if compare else play_once(wanted)
    except (Invalid, WiringError) as error:  # people, hours or a policy that cannot be played
        raise typer.BadParameter(str(error)) from None
    if code:
        raise typer.Exit(code)
