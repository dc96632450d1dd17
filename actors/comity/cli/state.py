"""`comity state`: an aggregate's state at its newest version, or at any other."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from comity.cli.arguments import (
    DECIDER_HELP,
    Aggregate,
    AnyDecider,
    AsJson,
    JournalPath,
    load_stream,
)
from comity.cli.console import cell, show, show_json
from comity.cli.opening import newest_version, opened
from comity.cli.outline import outline
from comity.cli.plain import plain
from comity.cli.progress import watched
from comity.engine import AggregateId, ComityError, DeciderFailed, FromTheFuture
from comity.engine.history.history import base, recorded
from comity.engine.journal.journal import Journal
from comity.engine.text import told


def state(
    path: JournalPath,
    aggregate: Aggregate,
    *,
    decider: Annotated[
        AnyDecider,
        typer.Option(
            metavar="MODULE:NAME", parser=load_stream, help=DECIDER_HELP, show_default=False
        ),
    ],
    at: Annotated[
        int | None,
        typer.Option(min=0, metavar="V", help="At this version; the newest if left out."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show an aggregate's state at its newest version, or at any other.

    The decider folds the events. It is imported from the current directory or from an installed
    package.
    """
    if decider.name != aggregate.type:
        msg = f"expected an aggregate of the decider's type, {decider.name}; got {aggregate}"
        raise typer.BadParameter(msg)
    with opened(path) as journal:
        newest = newest_version(journal, aggregate)
        version = newest if at is None else at
        if version > newest:
            msg = f"{aggregate} is at version {newest}; it has no version {version} yet"
            raise FromTheFuture(msg)
        found = plain(_fold(decider, journal, aggregate, version))
    if json:
        show_json({**aggregate._asdict(), "version": version, "state": found})
        return
    show(Text.assemble(cell(aggregate, "bold"), f" at version {version} of {newest}"), "")
    show(*outline(found))


def _fold(decider: AnyDecider, journal: Journal, aggregate: AggregateId, version: int) -> object:
    folded, start = base(decider, journal, aggregate, version)
    records = journal.read(aggregate, start, version)
    events = (one for record in records for one in recorded(decider, record))
    for one in watched(events, f"folding {aggregate}", version - start):
        if start < one.version <= version:
            try:
                folded = decider.evolve(folded, one.event, one.at)
            except (ComityError, KeyboardInterrupt):
                raise
            except BaseException as error:  # the domain's code may raise anything
                kind = type(error).__name__
                msg = f"evolve raised {kind} at version {one.version}: {told(error)}"
                raise DeciderFailed(msg) from None
    return folded
