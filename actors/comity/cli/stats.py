"""`comity stats`: the size and content of a journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.filesize import decimal
from rich.text import Text

from comity.cli.arguments import AsJson, JournalPath
from comity.cli.console import cell, show, show_columns, show_json
from comity.cli.opening import opened
from comity.cli.progress import watched
from comity.cli.sharers import alone_in, open_in, rows_of
from comity.engine.files.file_system import Kind, file_system_of
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.journal import Journal, JournalFigures


def stats(path: JournalPath, *, json: AsJson = False) -> None:
    """Show how many events, commits, commands, bytes and aggregates a journal has.

    Also the stored names and schema versions of its events, each with its count; the processes that
    have the domain open, and what each of them leads; and the kind of its file system.
    """
    with opened(path) as journal:
        figures = journal.figures()
        types = _by_type(journal)
        kinds = sorted(journal.kinds().items())
    found, alone, disk = open_in(path), alone_in(path), file_system_of(path)
    per_commit = figures.events / max(1, figures.commits)
    if json:
        show_json(
            {
                **figures._asdict(),
                "events_per_commit": per_commit,
                "types": types,
                "kinds": _plain(kinds),
                "processes": found,
                "exclusive": alone or None,
                "file_system": {"name": disk.name or None, "kind": disk.kind.name.lower()},
                "verified": False,
            }
        )
        return
    show(cell(path, "bold"), "")
    show_columns(_figures(figures, per_commit), right=[1])
    show("", cell("not verified; `comity verify` does", "dim"))
    if disk.kind is not Kind.DISK:
        show("", cell(f"on {disk}", "yellow"))
    if alone:
        show("", f"open in {alone}, which does not share it")
    if found:
        show("")
        show_columns(rows_of(found), right=[0, 1, 2, 3])
    if types:
        show("")
        show_columns(_types(types), right=[1, 2])
    if kinds:
        show("")
        show_columns(_kinds(kinds), right=[1, 2])


@dataclass
class OfType:
    """The aggregates of one type."""

    aggregates: int = 0
    events: int = 0
    largest: str = ""
    """The key of the aggregate with the most events."""
    largest_events: int = 0

    def add(self, key: str, version: int) -> None:
        """Count one more aggregate."""
        self.aggregates += 1
        self.events += version
        if version > self.largest_events:
            self.largest, self.largest_events = key, version


def _by_type(journal: Journal) -> dict[str, OfType]:
    types: dict[str, OfType] = {}
    for aggregate, version in watched(journal.aggregates(), "counting aggregates"):
        types.setdefault(aggregate.type, OfType()).add(aggregate.key, version)
    return types


def _figures(figures: JournalFigures, per_commit: float) -> Iterator[tuple[Text, Text, Text]]:
    last = f"the last event is at position {figures.position:,}"
    if figures.position == figures.events:
        last = "the position of the last event"
    told = (
        ("events", f"{figures.events:,}", last),
        ("commands", f"{figures.records:,}", _commands(figures)),
        ("commits", f"{figures.commits:,}", f"{per_commit:.1f} events per commit"),
        ("size", *decimal(figures.size).split()),
    )
    for name, figure, meaning in told:
        yield cell(name), cell(figure, "cyan"), cell(meaning, "dim")


def _commands(figures: JournalFigures) -> str:
    dropped = f"; {figures.dropped:,} of these were dropped" if figures.dropped else ""
    return f"including refused ones{dropped}"


def _types(types: dict[str, OfType]) -> Iterator[tuple[Text, Text, Text, Text]]:
    name, many, events, most = ("TYPE", "AGGREGATES", "EVENTS", "THE LONGEST")
    yield cell(name, "dim"), cell(many, "dim"), cell(events, "dim"), cell(most, "dim")
    for name, one in types.items():
        longest = Text.assemble(cell(one.largest), (f" ({one.largest_events:,})", "dim"))
        yield cell(name, "bold"), cell(f"{one.aggregates:,}"), cell(f"{one.events:,}"), longest


def _plain(kinds: Iterable[tuple[EventKind, int]]) -> list[dict[str, object]]:
    return [
        {
            "type": kind.type,
            "event": kind.name,
            "schema_version": kind.schema,
            "readable_from": kind.readable or None,
            "events": many,
        }
        for kind, many in kinds
    ]


def _kinds(kinds: Iterable[tuple[EventKind, int]]) -> Iterator[tuple[Text, Text, Text, Text]]:
    type_, many, schema, event = ("TYPE", "EVENTS", "SCHEMA", "EVENT")
    yield cell(type_, "dim"), cell(many, "dim"), cell(schema, "dim"), cell(event, "dim")
    joined: Counter[tuple[str, str, int]] = Counter()  # whoever may read them
    for kind, count in kinds:
        joined[kind.type, kind.name, kind.schema] += count
    for (type_name, name, version), count in joined.items():
        yield cell(type_name), cell(f"{count:,}"), cell(f"{version}"), cell(name, "bold")
