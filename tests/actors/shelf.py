"""Read models over notebooks for the read side's tests, with the same fold in plain Python.

`Pages` has a table, every kind of index, figures and totals; what `project` does wrong on demand is
put into `TROUBLE`. `seen` is what a snapshot shows, `fold` what it has to show.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.actors.notebook import (
    Misbehave,
    Misbehaved,
    NotebookEvent,
    Stamp,
    Stamped,
    Write,
    Written,
    notebook,
)

from comity.actors import Domain, ReadModels
from comity.engine import Command, Decider, Event, Key, Recorded, SnapshotExpired
from comity.engine.history.history import recorded
from comity.engine.journal.journal import Journal
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.readmodels import ReadModel, Row, Table, Totals, descending
from comity.readmodels.tables.read_model import AnyReadModel

TROUBLE: dict[str, Callable[[], None]] = {}
"""What projecting `Misbehaved(name)` runs."""

TORN = "torn"
"""No model takes a page with this text, unless `MENDED` says so."""
MENDED: set[str] = set()
"""The books in which torn pages can be taken now."""


class PageRow(Row):
    """A page, as readers see it."""

    book: str
    page: str
    text: str = ""
    stamps: int = 0
    changed: int
    """The position of its last event."""


class Pages(ReadModel[NotebookEvent]):
    """Every page, with all that a model can keep beside it."""

    rows = Table(PageRow, key=lambda row: (row.book, row.page))
    by_text = rows.index(lambda row: row.text or None)
    by_stamps = rows.index(lambda row: (row.book, descending(row.stamps), row.page))
    by_word = rows.index_each(lambda row: row.text.split())
    by_change = rows.unique(lambda row: row.changed)
    per_book = rows.count(lambda row: row.book)
    stamps = rows.sum(lambda row: row.stamps, by=lambda row: row.book)
    ink = Totals(str, int)

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event."""
        take(self, event, at)


class ParkedPages(Pages):
    """The same, but what it cannot take it parks."""

    on_error = "park"


def take(pages: Pages, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
    """What they do with an event."""
    book = at.aggregate.key
    match event:
        case Written(page=page, text=text):
            row = pages.rows.get((book, page)) or PageRow(book=book, page=page, changed=0)
            pages.rows.put(row.model_copy(update={"text": text, "changed": at.position}))
            pages.ink.add(at.who, len(text))
            if text == TORN and book not in MENDED:
                msg = f"{page} is torn"
                raise ValueError(msg)
            if not text:
                pages.rows.delete((book, page))
        case Stamped(page=page, stamps=stamps):
            row = pages.rows.get((book, page)) or PageRow(book=book, page=page, changed=0)
            new = row.stamps + stamps
            pages.rows.put(row.model_copy(update={"stamps": new, "changed": at.position}))
        case Misbehaved(name=name):
            if name in TROUBLE:
                TROUBLE[name]()


class CountRow(Row):
    """How many events a book has had."""

    book: str
    events: int


class Counts(ReadModel[NotebookEvent]):
    """A small model beside the other ones."""

    rows = Table(CountRow, key=lambda row: row.book)

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event."""
        count = self.rows.get(at.aggregate.key)
        events = count.events + 1 if count else 1
        self.rows.put(CountRow(book=at.aggregate.key, events=events))


# --- a second decider, for models that listen to both -------------------------------------------


class Lend(Command):
    """Give a book away."""

    book: Key[str]


class Lent(Event):
    """A book was given away."""

    book: Key[str]


@dataclass
class Desk:
    """What was given away."""

    lent: list[str] = field(default_factory=list[str])


def decide(desk: Desk, command: Lend) -> list[Lent]:
    """Any number of times."""
    return [Lent(book=command.book)]


def evolve(desk: Desk, event: Lent) -> Desk:
    """It is away."""
    desk.lent.append(event.book)
    return desk


desk = Decider("desk", Desk, decide, evolve)


class Activity(ReadModel[NotebookEvent | Lent]):
    """What happened to each book, whichever decider said so."""

    rows = Table(CountRow, key=lambda row: row.book)

    def project(self, event: NotebookEvent | Lent, at: Recorded[NotebookEvent | Lent]) -> None:
        """One event."""
        book = event.book if isinstance(event, Lent) else at.aggregate.key
        count = self.rows.get(book)
        self.rows.put(CountRow(book=book, events=count.events + 1 if count else 1))


# --- what a model shows, and what it has to show -------------------------------------------------


@dataclass
class Shelf:
    """All that `Pages` says, in plain Python."""

    rows: dict[tuple[str, str], PageRow] = field(default_factory=dict[tuple[str, str], PageRow])
    by_text: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    by_stamps: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    by_word: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    by_change: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    per_book: dict[str, int] = field(default_factory=dict[str, int])
    stamps: dict[str, int] = field(default_factory=dict[str, int])
    ink: dict[str, int] = field(default_factory=dict[str, int])


def seen(pages: Pages) -> Shelf:
    """What this snapshot shows, in all its tables."""
    assert pages.rows.count() == len(pages.rows.all().list())
    return Shelf(
        {(row.book, row.page): row for row in pages.rows.all()},
        [(row.book, row.page) for row in pages.by_text.all()],
        [(row.book, row.page) for row in pages.by_stamps.all()],
        [(row.book, row.page) for row in pages.by_word.all()],
        [(row.book, row.page) for row in pages.by_change.all()],
        dict(pages.per_book.items()),
        dict(pages.stamps.items()),
        dict(pages.ink.items()),
    )


def fold(events: Iterable[Recorded[NotebookEvent]]) -> Shelf:
    """What a model has to show after these events."""
    rows: dict[tuple[str, str], PageRow] = {}
    ink = Counter[str]()
    for at in events:
        book, event = at.aggregate.key, at.event
        if isinstance(event, Misbehaved):
            continue
        old = rows.get((book, event.page)) or PageRow(book=book, page=event.page, changed=0)
        new = old.model_copy(update={"changed": at.position})
        if isinstance(event, Stamped):
            new = new.model_copy(update={"stamps": old.stamps + event.stamps})
        else:
            new = new.model_copy(update={"text": event.text})
            ink[at.who] += len(event.text)
        rows[book, event.page] = new
        if isinstance(event, Written) and not event.text:
            del rows[book, event.page]
    every = sorted(rows.items())
    stamps = Counter[str]()
    for (book, _), row in every:
        stamps[book] += row.stamps
    words = sorted((word, key) for key, row in every for word in set(row.text.split()))
    return Shelf(
        dict(every),
        [key for _, key in sorted((row.text, key) for key, row in every if row.text)],
        [key for _, _, key in sorted((key[0], -row.stamps, key) for key, row in every)],
        [key for _, key in words],
        [key for _, key in sorted((row.changed, key) for key, row in every)],
        dict(sorted(Counter(book for book, _ in rows).items())),
        dict(sorted(stamps.items())),
        {who: number for who, number in sorted(ink.items()) if number},
    )


def events_of(journal: Journal, upto: int | None = None) -> list[Recorded[NotebookEvent]]:
    """The notebooks' events in a journal, up to a position."""
    return [
        at
        for record in journal.read_all()
        if record.aggregate.type == notebook.name
        for at in recorded(notebook, record)
        if upto is None or at.position <= upto
    ]


def folded(path: Path, upto: int | None = None) -> Shelf:
    """What a model has to show of the journal at this path, which nobody has open here."""
    journal = LmdbJournal.open(path, read_only=True)
    try:
        return fold(events_of(journal, upto))
    finally:
        journal.close()


# --- doing something -----------------------------------------------------------------------------


def write(domain: Domain, book: str, page: str, text: str, who: str = "ann") -> int:
    """Write a page, and give the position."""
    aggregate = domain.session(who).aggregate(notebook, book)
    return aggregate.send(Write(page=page, text=text)).result(60).position


def stamp(domain: Domain, book: str, page: str, times: int = 1) -> int:
    """Stamp a page so many times, each an event, and give the last position."""
    position = 0
    aggregate = domain.aggregate(notebook, book)
    for first in range(0, times, 500):
        some = [Stamp(page=page, stamps=1)] * min(500, times - first)
        aggregate.send_many(some).result(30)
        position = aggregate.send(Stamp(page=page, stamps=0)).result(30).position
    return position


def misbehave(domain: Domain, book: str, name: str) -> int:
    """Have projecting run what stands in `TROUBLE` under this name."""
    aggregate = domain.aggregate(notebook, book)
    return aggregate.send(Misbehave(name=name, where="project")).result(60).position


def can_be_read(models: Domain | ReadModels) -> bool:
    """Whether a snapshot lasted for a question; a short one may not, on a machine that is busy."""
    try:
        with models.read(Pages) as pages:
            return pages.rows.count() >= 0
    except SnapshotExpired:
        return False


def ready(domain: Domain, *models: type[AnyReadModel]) -> Domain:
    """The domain, once its models have been at the end: one that stops before cannot be read."""
    for model in models:
        domain.read(model, timeout=60).close()
    return domain


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait for something, beside whatever else computes, and say whether it came."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return condition()
        time.sleep(0.005)
    return True
