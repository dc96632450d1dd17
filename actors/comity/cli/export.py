"""`comity export`: a journal as lines of JSON, or its events as a table."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from comity.cli.arguments import FLAG, JournalPath, load_deciders
from comity.cli.console import show_aside, show_json
from comity.cli.opening import check_types, opened
from comity.cli.times import read_time
from comity.cli.transfer_bar import TransferBar
from comity.engine import WiringError
from comity.engine.messages.moment import moment
from comity.evolution import Exported, ExportedEvents, export_events, export_journal
from comity.evolution.exporting.flat_tables import TableForm


def read_moment(text: str) -> datetime:
    """Read a time as the other commands do: how long ago, or a date, in UTC without a zone."""
    return moment(read_time(text))


To = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Where to write; by default stdout. FILE.gz is "
        "compressed.", show_default=False,
    ),
]  # fmt: skip
Since = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME", parser=read_moment, show_default=False,
        help="Only commands decided from this time on, in UTC.",
    ),
]  # fmt: skip
Until = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME", parser=read_moment, show_default=False,
        help="Only commands decided before this time.",
    ),
]  # fmt: skip
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type", metavar="TYPE", help="Only aggregates of this type; may be repeated.",
        show_default=False,
    ),
]  # fmt: skip
Flat = Annotated[
    bool, typer.Option("--flat", metavar=FLAG, help="Write a table with a row for each event.")
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--fields", metavar="NAME[:KIND]", show_default=False,
        help="With --flat: a field of events that gets a column: text, int, float, bool, time or "
        "json; may be repeated. By default all are in one column.",
    ),
]  # fmt: skip
Form = Annotated[
    TableForm | None,
    typer.Option(
        "--as", show_default=False,
        help="With --flat: the format, if the name of FILE does not say it.",
    ),
]  # fmt: skip
Deciders = Annotated[
    list[str] | None,
    typer.Option(
        "--decider", metavar="MODULE:NAME", show_default=False,
        help="With --flat: read events with the classes of this decider; may be repeated.",
    ),
]  # fmt: skip
Force = Annotated[bool, typer.Option("--force", metavar=FLAG, help="Replace FILE if it exists.")]
AsJson = Annotated[
    bool, typer.Option("--json", metavar=FLAG, help="Say on stderr as JSON what was written.")
]


def export(
    path: JournalPath,
    *,
    output: To = None,
    since: Since = None,
    until: Until = None,
    type_: Types = None,
    flat: Flat = False,
    fields: Fields = None,
    form: Form = None,
    decider: Deciders = None,
    force: Force = False,
    json: AsJson = False,
) -> None:
    """Write a journal as lines of JSON, one for each command with its events.

    The domain may be running. `comity import` reads a whole export back to the same journal. FILE
    appears when it is complete. With --flat it is a table for analysis, which cannot be imported.
    """
    if not flat and (fields or form or decider):
        msg = "--fields, --as and --decider are for tables: say --flat, too"
        raise typer.BadParameter(msg)
    with opened(path) as journal:
        if type_:
            check_types(journal, type_)
    file = output or sys.stdout.buffer
    deciders = load_deciders(decider) or ()
    done: Exported | ExportedEvents
    try:
        with TransferBar(json=json) as bar:
            if flat:
                done = export_events(
                    path, file, fields=fields or (), form=form, deciders=deciders,
                    since=since, until=until, types=type_ or (), replace=force, progress=bar.show,
                )  # fmt: skip
            else:
                done = export_journal(
                    path, file,
                    since=since, until=until, types=type_ or (), replace=force, progress=bar.show,
                )  # fmt: skip
    except WiringError as error:
        raise typer.BadParameter(str(error)) from None
    if json:
        show_json(asdict(done), aside=True)
    else:
        show_aside(told(done, f" in {output}" if output else ""))


def told(done: Exported | ExportedEvents, where: str) -> str:
    """What was written, for people."""
    if isinstance(done, ExportedEvents):
        return f"{done.events:,} events{where}, up to position {done.position:,}"
    part = "" if done.is_whole else "; only a part, of which no journal can be made"
    return (
        f"{done.records:,} records with {done.events:,} events{where}, up to position "
        f"{done.position:,}, {done.bytes:,} bytes of lines{part}"
    )
