"""`comity footprints`: footprints that are too narrow or too wide for what their events change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from comity.cli.arguments import DECIDER_HELP, AnyDecider, AsJson, ShownDecider, load_decider
from comity.cli.console import cell, show, show_json
from comity.cli.made_histories import made_histories
from comity.cli.opening import opened
from comity.cli.progress import watched
from comity.engine import Command, Event, Invalid
from comity.engine.checking.finding import Finding, Fit
from comity.engine.checking.footprints import Survey
from comity.engine.checking.histories import recorded_history

STYLES = {Fit.TOO_NARROW: "red", Fit.TOO_WIDE: "yellow"}


def footprints(
    decider: Annotated[
        ShownDecider,
        typer.Argument(
            metavar="DECIDER", parser=load_decider, help=DECIDER_HELP, show_default=False
        ),
    ],
    *,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Read the histories of this journal, instead of making some.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="At most this many events of an aggregate.")
    ] = 1000,
    made: Annotated[
        int, typer.Option(min=1, metavar="N", help="Make so many histories, without a journal.")
    ] = 300,
    json: AsJson = False,
) -> None:
    """Show which footprints are too narrow or too wide for what their events change.

    Histories are read from a journal, or made with Hypothesis from the decider's commands.
    """
    survey = Survey(decider)
    if journal is None:
        made_histories(decider, made, survey.add)
    else:
        _read(survey, decider, journal, limit)
    findings = survey.findings()
    if json:
        counts = {"histories": survey.histories, "events": survey.events}
        show_json({"decider": decider.name, **counts, "findings": [*map(asdict, findings)]})
        return
    counts = {fit: sum(one.fit is fit for one in findings) for fit in Fit}
    told = ", ".join(f"{number} {fit}" for fit, number in counts.items())
    name = cell(decider.name, "bold")
    noun = "history" if survey.histories == 1 else "histories"
    read = f" ({survey.events:,} events in {survey.histories:,} {noun})"
    show(Text.assemble(name, ": ", told if findings else "all footprints fit", read))
    for one in findings:
        show("", *_lines(one))


def _read(
    survey: Survey[object, Command, Event], decider: AnyDecider, path: Path, limit: int
) -> None:
    with opened(path) as journal:
        known = [one for one, _ in journal.aggregates() if one.type == decider.name]
        if not known:
            msg = f"the journal has no aggregates of the type {decider.name}"
            raise Invalid(msg)
        for aggregate in watched(known, "reading histories", len(known)):
            survey.add(recorded_history(decider, journal, aggregate, limit))


def _lines(one: Finding) -> Iterator[Text]:
    pairs = f"{one.pairs:,} {'pair' if one.pairs == 1 else 'pairs'}"
    title = cell(str(one.fit), STYLES[one.fit])
    names = one.later, one.earlier
    if one.fit is Fit.TOO_NARROW:
        yield Text.assemble(
            title, ": ", cell(one.later, "bold"), " overwrites what ", cell(one.earlier, "bold"),
            f" changed, without a conflict ({pairs})",
        )  # fmt: skip
        yield Text.assemble("  both change ", cell(one.parts[0]))
    else:
        yield Text.assemble(
            title, ": ", cell(one.later, "bold"), " clashes with ", cell(one.earlier, "bold"),
            f", and they never changed the same ({pairs})",
        )  # fmt: skip
        for name, parts in zip(names, one.parts, strict=True):
            yield Text.assemble(f"  {name} changes ", cell(parts))
    for name, paths in zip(names, one.paths, strict=True):
        yield Text.assemble(f"  {name} touches ", cell(paths))
    yield Text.assemble("  such as ", cell(one.example[0], "dim"))
    yield Text.assemble("  after   ", cell(one.example[1], "dim"))
