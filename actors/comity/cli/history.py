"""`comity history`: one aggregate's events, who caused them, and how they were merged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

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
from comity.cli.console import cell, show, show_columns, show_json, show_value
from comity.cli.opening import newest_version, opened
from comity.cli.progress import watched
from comity.engine import AggregateId, Invalid, MergeReport, Outcome, UnreadableEvent
from comity.engine.history.note import Note
from comity.engine.journal.journal import Journal
from comity.engine.messages.codec import unpack_fields
from comity.engine.processes.installed import fields_of, starts_in, steps_of
from comity.engine.text import printable

if TYPE_CHECKING:
    from comity.engine.journal.stored_event import StoredEvent

PAGE = 200
"""How many events are aligned together."""


def history(
    path: JournalPath,
    aggregate: Aggregate,
    *,
    after: Annotated[int, typer.Option(min=0, metavar="V", help="Start after this version.")] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most this many events.")
    ] = None,
    decider: Annotated[
        AnyDecider | None,
        typer.Option(
            metavar="MODULE:NAME",
            parser=load_stream,
            help=f"{DECIDER_HELP} It upcasts the events.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show an aggregate's events: time, sender, content, and how they were merged.

    Works without the program's classes. JSON has one object per line.
    """
    with opened(path) as journal:
        newest = newest_version(journal, aggregate)
        if after > newest:
            msg = f"{aggregate} is at version {newest}: it has no events after {after} yet"
            raise Invalid(msg)
        upto = newest if limit is None else min(newest, after + limit)
        lines = _lines(journal, aggregate, after, upto, decider)
        if not sys.stdout.isatty():
            lines = watched(lines, f"reading {aggregate}", upto - after)
        if json:
            for line in lines:
                show_json(line._asdict())
        else:
            _show(aggregate, after, upto, newest, lines)


class Line(NamedTuple):
    """One event in the history. docs/cli.md documents the fields."""

    version: int
    position: int
    time: str
    who: str
    session: str
    command: str
    command_id: str
    event: str
    schema_version: int
    fields: Mapping[str, object]
    outcome: Outcome
    metadata: Mapping[str, str]
    report: MergeReport | None
    rules_revision: str
    retired: bool


def _lines(
    journal: Journal, aggregate: AggregateId, after: int, upto: int, decider: AnyDecider | None
) -> Iterator[Line]:
    fields = _reader(journal, aggregate, decider)
    for record in journal.read(aggregate, after, upto):
        note = Note.unpack(record.note)
        time = datetime.fromtimestamp(record.time / 1e6, UTC)
        for offset, stored in enumerate(record.events, 1):
            if after < record.version + offset <= upto:
                yield Line(
                    version=record.version + offset,
                    position=record.position + offset,
                    time=time.isoformat(),
                    who=note.who,
                    session=note.session,
                    command=note.command,
                    command_id=record.command_id,
                    event=stored.name,
                    schema_version=stored.schema,
                    fields=fields(stored),
                    outcome=note.outcome,
                    metadata=note.metadata,
                    report=note.report,
                    rules_revision=note.rules_revision,
                    retired=decider is not None and stored.name in decider.retired,
                )


def _reader(
    journal: Journal, aggregate: AggregateId, decider: AnyDecider | None
) -> Callable[[StoredEvent], Mapping[str, object]]:
    """Return what gives the fields of the aggregate's events."""
    if aggregate.type in starts_in(journal):
        steps = steps_of(aggregate.type)
        return lambda stored: fields_of(steps.load(stored))
    if decider is None:
        return lambda stored: unpack_fields(stored.data)
    return lambda stored: dict(decider.load(stored))


def _show(
    aggregate: AggregateId, after: int, upto: int, newest: int, lines: Iterator[Line]
) -> None:
    if after == newest:
        show(f"{aggregate}: nothing after version {newest} yet")
        return
    span = f"version {upto}" if upto == after + 1 else f"versions {after + 1} to {upto}"
    show(Text.assemble(cell(aggregate, "bold"), f": {span} of {newest}, times in UTC"), "")
    for page in _pages(lines):
        show_columns((row for line in page for row in _rows(line)), right=[0])
    if upto < newest:
        show("", f"{newest - upto} more: --after {upto}")


def _pages(lines: Iterator[Line]) -> Iterator[list[Line]]:
    """Yield the lines in pages; if an event cannot be read, first the lines before it."""
    page: list[Line] = []
    try:
        for line in lines:
            page.append(line)
            if len(page) == PAGE:
                yield page
                page = []
    except UnreadableEvent:
        if page:
            yield page
        raise
    if page:
        yield page


def _rows(line: Line) -> Iterator[tuple[Text, Text, Text, Text]]:
    what = Text.assemble(cell(line.event, "bold"))
    for name, value in line.fields.items():
        what.append_text(Text.assemble(" ", cell(f"{name}=", "dim"), cell(show_value(value))))
    if line.retired:
        what.append(" (retired)", "dim italic")
    if line.rules_revision and not line.report:  # else the report says so
        what.append(f" (rules {printable(line.rules_revision)})", "dim italic")
    time = line.time[:19].replace("T", " ")
    yield cell(line.version, "cyan"), cell(time, "dim"), cell(line.who or "–"), what
    if line.report:
        yield Text(), Text(), Text(), cell(line.report.sentence(), "italic dim")
