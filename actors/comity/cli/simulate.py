"""`comity simulate`: plays people who work at once, and shows what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias, cast

import typer

from comity.cli.arguments import FLAG, AsJson
from comity.cli.playing import play_in_real_time, play_once, play_under
from comity.cli.script import Script, load_script
from comity.cli.searching import cores, search
from comity.cli.wanted import Wanted, check_report
from comity.engine import Invalid, WiringError
from comity.simulation import RealTime
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


Chosen = Annotated[
    ShownScript,
    typer.Argument(
        metavar="SCRIPT",
        parser=load_script,
        help="A Python script with a scenario, such as team.py or team.py:monday.",
        show_default=False,
    ),
]
People = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="So many people.", show_default=False),
]
Hours = Annotated[
    float | None,
    typer.Option(metavar="H", help="So many simulated hours.", show_default=False),
]
Seed = Annotated[
    int, typer.Option(metavar="SEED", parser=read_seed, help="Chooses what people do, and when.")
]
Compare = Annotated[
    bool, typer.Option("--compare", metavar=FLAG, help="Play it under several sets of rules.")
]
Seeds = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Play so many seeds, from --seed on, until one fails.",
        show_default=False,
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=256,
        help="Play the seeds in so many processes; by default one per core.",
        show_default=False,
    ),
]
Real = Annotated[
    float | None,
    typer.Option(
        metavar="SPEED",
        help="Play in real time on the disk: so many simulated seconds in a real one.",
        show_default=False,
    ),
]
Asyncio = Annotated[
    bool,
    typer.Option(
        "--asyncio", metavar=FLAG, help="With --real: one event loop, not a thread for each."
    ),
]
JournalFolder = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="With --real: keep the journal here.", show_default=False),
]
Report = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a report to look at.", show_default=False),
]
FIRST: Final = cast("int", "0")
"""The default of --seed; typer parses it, too."""
_WAYS: Final = ("--compare", "--seeds", "--real")
_NEEDS: Final = {"--processes": "--seeds", "--asyncio": "--real", "--journal": "--real"}


def simulate(
    script: Chosen,
    *,
    people: People = None,
    hours: Hours = None,
    seed: Seed = FIRST,
    compare: Compare = False,
    seeds: Seeds = None,
    processes: Processes = None,
    real: Real = None,
    asyncio: Asyncio = False,
    journal: JournalFolder = None,
    html: Report = None,
    json: AsJson = False,
) -> None:
    """Play a scenario: people who look, think and change things at the same time.

    It is played on the real engine in virtual time, so a day takes seconds, and the same seed gives
    the same run. Ctrl-C ends it; what was played until then is shown.
    """
    _check(
        {"--compare": compare or None, "--seeds": seeds, "--processes": processes}
        | {"--real": real, "--asyncio": asyncio or None, "--journal": journal}
    )
    check_report(html)
    wanted = Wanted(script, seed, people, hours, html, json, compare)
    try:
        if seeds is not None:
            code = search(wanted, range(seed, seed + seeds), processes or cores())
        elif real is not None:
            way: Literal["asyncio", "threads"] = "asyncio" if asyncio else "threads"
            code = play_in_real_time(wanted, RealTime(folder=journal, speed=real, way=way))
        else:
            code = play_under(wanted) if compare else play_once(wanted)
    except (Invalid, WiringError) as error:  # people, hours or a policy that cannot be played
        raise typer.BadParameter(str(error)) from None
    if code:
        raise typer.Exit(code)


def _check(options: Mapping[str, object]) -> None:
    """Check that the options that are given go together; the others are None."""
    given = [name for name, value in options.items() if value is not None]
    ways = [name for name in given if name in _WAYS]
    if len(ways) > 1:
        msg = f"{' and '.join(ways)} are different ways to play: give one of them"
        raise typer.BadParameter(msg)
    for name in given:
        if name in _NEEDS and _NEEDS[name] not in given:
            msg = f"{name} needs {_NEEDS[name]}"
            raise typer.BadParameter(msg)
