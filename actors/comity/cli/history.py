"""`comity history`: one aggregate's events, who caused them, and how they were merged."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

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
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.following import Follow, News, followed
from comity.cli.lines import Line, Lines, pages, time_of, what_of
from comity.cli.opening import newest_version, opened
from comity.cli.progress import watched
from comity.engine import AggregateId, Invalid

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal


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
    follow: Follow = False,
    json: AsJson = False,
) -> None:
    """Show an aggregate's events: time, sender, content, and how they were merged.

    Works without the program's classes. JSON has one object per line.
    """
    with opened(path) as journal, followed(journal, follow=follow) as news:
        newest = newest_version(journal, aggregate)
        if after > newest:
            msg = f"{aggregate} is at version {newest}: it has no events after {after} yet"
            raise Invalid(msg)
        end = None if limit is None else after + limit
        lines = _lines(journal, aggregate, (after, newest, end), Lines(journal, decider), news)
        if not follow and not sys.stdout.isatty():
            lines = watched(lines, f"reading {aggregate}", _upto(newest, end) - after)
        if json:
            for line in lines:
                if line is not None:
                    show_json(line._asdict())
        else:
            _show(aggregate, (after, newest, end), lines, followed=follow)


def _lines(
    journal: Journal,
    aggregate: AggregateId,
    span: tuple[int, int, int | None],
    made: Lines,
    news: News | None,
) -> Iterator[Line | None]:
    """Give the lines after a version; if they are followed, None before each wait for more."""
    after, newest, end = span
    while True:
        upto = _upto(newest, end)
        for record in journal.read(aggregate, after, upto):
            if news is not None and news.ended:
                return
            for line in made.of(record) if record.events else ():
                if after < line.version <= upto:
                    yield line
        if news is None or upto == end:
            return
        yield None
        if not news.waited():
            return
        after, newest = upto, journal.version(aggregate)


def _upto(newest: int, end: int | None) -> int:
    return newest if end is None else min(newest, end)


def _show(
    aggregate: AggregateId,
    span: tuple[int, int, int | None],
    lines: Iterator[Line | None],
    *,
    followed: bool,
) -> None:
    after, newest, end = span
    upto = _upto(newest, end)
    if after == newest:
        show(f"{aggregate}: nothing after version {newest} yet")
    else:
        said = f"version {upto}" if upto == after + 1 else f"versions {after + 1} to {upto}"
        show(Text.assemble(cell(aggregate, "bold"), f": {said} of {newest}, times in UTC"), "")
    widths: Sequence[int] = ()
    for page in pages(lines):
        rows = [row for line in page for row in _rows(line)]
        widths = show_columns(rows, right=[0], widths=widths)
    if upto < newest and not followed:
        show("", f"{newest - upto} more: --after {upto}")


def _rows(line: Line) -> Iterator[tuple[Text, Text, Text, Text]]:
    yield cell(line.version, "cyan"), time_of(line), cell(line.who or "–"), what_of(line)
    if line.report:
        yield Text(), Text(), Text(), cell(line.sentence, "italic dim")
