"""`comity events`: the events of all aggregates, in the order of the journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer
from rich.text import Text

from comity.cli.arguments import FLAG, AsJson, JournalPath
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.following import Follow, News, followed
from comity.cli.lines import Line, Lines, pages, time_of, what_of
from comity.cli.opening import check_types, opened
from comity.cli.progress import HidingBar
from comity.cli.times import read_time, shown_time
from comity.engine.arguments import check_there
from comity.engine.history.finding import SLACK, number_at, number_before
from comity.engine.history.note import origin

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.numbered import Numbered
    from comity.engine.journal.record import Record

BACK: Final = 1_000
"""How many records `--last` looks at first; then four times as many, until they are enough."""

Since = Annotated[
    int | None,
    typer.Option(
        metavar="TIME",
        parser=read_time,
        help="Only events from this time on: 2h ago, or 2026-11-30T14:05, in UTC.",
        show_default=False,
    ),
]
Until = Annotated[
    int | None,
    typer.Option(
        metavar="TIME", parser=read_time, help="Only events before this time.", show_default=False
    ),
]
After = Annotated[int, typer.Option(min=0, metavar="POSITION", help="Start after this position.")]
Last = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="The newest N.", show_default=False),
]
Limit = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="At most this many.", show_default=False)
]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type", metavar="TYPE", help="Only aggregates of this type.", show_default=False
    ),
]
Whos = Annotated[
    list[str] | None,
    typer.Option("--who", metavar="NAME", help="Only of this sender.", show_default=False),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--name", metavar="EVENT", help="Only events of this stored name.", show_default=False
    ),
]
Refused = Annotated[
    bool,
    typer.Option(
        "--refused", metavar=FLAG, help="Also commands that were refused or changed nothing."
    ),
]


def events(
    path: JournalPath,
    *,
    since: Since = None,
    until: Until = None,
    after: After = 0,
    last: Last = None,
    limit: Limit = None,
    type_: Types = None,
    who: Whos = None,
    name: Names = None,
    refused: Refused = False,
    follow: Follow = False,
    json: AsJson = False,
) -> None:
    """Show the events of all aggregates in order: when, who, what and how it was merged.

    Works without the program's classes, beside an open domain and without one. --type, --who and
    --name may be given several times. JSON has one object per line.
    """
    _check(since, until, after, last, limit, follow=follow)
    wanted = Wanted(
        since, until, frozenset(type_ or ()), frozenset(who or ()), frozenset(name or ()), refused
    )
    with opened(path) as journal, followed(journal, follow=follow) as news:
        check_types(journal, wanted.types, strict=not follow)
        check_there(after, journal.position(), "--after", str(path))
        reading = Reading(journal, wanted, news)
        if last is not None:
            lines = reading.newest(last)
        else:
            lines = _first(reading.lines(_start(journal, after, since)), limit)
        if json:
            for line in lines:
                if line is not None:
                    reading.bar.hide()
                    show_json(line._asdict())
        elif not _show(lines, reading.bar) and not follow:
            show("no events")


def _check(
    since: int | None,
    until: int | None,
    after: int,
    last: int | None,
    limit: int | None,
    *,
    follow: bool,
) -> None:
    """Refuse options that contradict each other."""
    msg = ""
    if since is not None and until is not None and since >= until:
        msg = f"--until {shown_time(until)} is not after --since {shown_time(since)}"
    elif until is not None and follow:
        msg = "--follow goes on without an end: leave out --until"
    elif last is not None and (since is not None or until is not None or after or limit):
        msg = "--last begins at the end: leave out --since, --until, --after and --limit"
    if msg:
        raise typer.BadParameter(msg)


class Wanted(NamedTuple):
    """Which events are to be shown; an empty set is no condition."""

    since: int | None
    until: int | None
    types: frozenset[str]
    whos: frozenset[str]
    names: frozenset[str]
    refused: bool

    def has(self, record: Record) -> bool:
        """Whether the record may have lines."""
        return (
            (bool(record.events) or (self.refused and not self.names))
            and (not self.types or record.aggregate.type in self.types)
            and (self.since is None or record.time >= self.since)
            and (self.until is None or record.time < self.until)
            and (not self.whos or origin(record.note)[0] in self.whos)
        )

    def is_past(self, record: Record) -> bool:
        """Whether no later record is wanted."""
        return self.until is not None and record.time >= self.until + SLACK

    def names_it(self, line: Line) -> bool:
        """Whether the line's event has a wanted name."""
        return not self.names or line.event in self.names


def _first(lines: Iterator[Line | None], limit: int | None) -> Iterator[Line | None]:
    for line in lines:
        yield line
        if line is not None and limit is not None:
            limit -= 1
            if limit == 0:
                return


def _start(journal: Journal, after: int, since: int | None) -> int:
    """The number of the record to start after."""
    start = number_at(journal, after) if after else 0
    return start if since is None else max(start, number_before(journal, since))


class Reading:
    """Reads the wanted lines of a journal.

    Args:
        journal: where they are.
        wanted: which lines are wanted.
        news: waits for more at the end; None: nobody wants more.
    """

    def __init__(self, journal: Journal, wanted: Wanted, news: News | None) -> None:
        self._journal = journal
        self._wanted = wanted
        self._news = news
        self._made = Lines(journal)
        self.bar = HidingBar("reading events", journal.figures().records)
        """Says how far it is, unless it is to go on for ever."""

    def lines(self, number: int) -> Iterator[Line | None]:
        """Give the lines after a record; if they are followed, None before each wait for more."""
        while True:
            for one in self._records(number):
                number = one.number
                if self._wanted.is_past(one.record) or (self._news and self._news.ended):
                    return
                yield from self._of(one.record)
            if self._news is None:
                return
            yield None
            if not self._news.waited():
                return

    def newest(self, many: int) -> Iterator[Line | None]:
        """Give the newest lines; then, if they are followed, those that come."""
        end, back = self._journal.figures().records, BACK
        while True:
            start = max(0, end - back)
            found: deque[Line] = deque(maxlen=many)
            for one in self._records(start):
                end = one.number  # perhaps beyond the count, since numbers may have gaps
                found.extend(self._of(one.record))
            if start == 0 or len(found) == many or (self._news and self._news.ended):
                break
            back *= 4
        yield from found
        if self._news is not None:
            yield from self.lines(end)

    def _records(self, number: int) -> Iterator[Numbered]:
        records = self._journal.read_every(number)
        return records if self._news is not None else self.bar.over(records, number)

    def _of(self, record: Record) -> Iterator[Line]:
        if self._wanted.has(record):
            yield from filter(self._wanted.names_it, self._made.of(record))


_HEADS: Final = ("POSITION", "TIME (UTC)", "WHO", "AGGREGATE", "EVENT")


def _show(lines: Iterator[Line | None], bar: HidingBar) -> bool:
    """Show the lines; False if there are none."""
    widths: Sequence[int] = ()
    some = False
    for page in pages(lines):
        rows = [] if some else [tuple(cell(head, "dim") for head in _HEADS)]
        rows += [row for line in page for row in _rows(line)]
        bar.hide()
        widths = show_columns(rows, right=[0], widths=widths)
        some = True
    return some


def _rows(line: Line) -> Iterator[tuple[Text, ...]]:
    position = "–" if line.event is None else f"{line.position}"
    aggregate = f"{line.type}/{line.key}@{line.version}"
    yield (
        cell(position, "cyan"), time_of(line), cell(line.who or "–"), cell(aggregate), what_of(line)
    )  # fmt: skip
    if line.sentence:
        yield Text(), Text(), Text(), Text(), cell(line.sentence, "italic dim")
