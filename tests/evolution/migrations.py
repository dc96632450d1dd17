"""A journal to migrate, and functions that migrate it, for the tests of copying."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from examples.board.domain import (
    AddCard,
    BoardCommand,
    CardAdded,
    CardRenamed,
    ColumnLimited,
    MoveCard,
    RemoveCard,
    RenameCard,
    Upvote,
    board,
    decide,
    evolve,
)

from comity.actors import Domain
from comity.engine import AggregateId, Decider, Refused
from comity.engine.history.note import Note
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record
from comity.evolution import JournalEvent, JournalRecord

B1, B2 = AggregateId("board", "b1"), AggregateId("board", "b2")
kanban = Decider("kanban", board.initial, decide, evolve)


def write(path: Path, commands: int = 0) -> None:
    """Two boards with merges, refusals, unchanged and dropped commands; then more commands."""
    with Domain.open(path, deciders=[board]) as domain:
        for key in ("b1", "b2"):
            story(domain, key)
        go_on(domain, commands)


def story(domain: Domain, key: str) -> None:
    """Ann and bob change a board; bob has seen only its beginning."""
    numbers = count(1)

    def send(who: str, command: BoardCommand, seen: int | None) -> None:
        session = domain.session(who, id=f"{who}-{key}").aggregate(board, key)
        with suppress(Refused):
            session.send(command, seen=seen, id=f"{key}-{next(numbers)}").result(30)

    send("ann", AddCard(card="c1", number=1, title="Pay"), 0)
    send("ann", AddCard(card="c2", number=2, title="Ship"), 1)
    send("ann", RenameCard(card="c1", title="Pay it"), 2)
    send("bob", AddCard(card="c3", number=2, title="Rest"), 1)  # another number: rebased
    send("bob", RenameCard(card="c1", title="Pay me"), 2)  # refused: conflicted
    send("bob", RenameCard(card="c9", title="None"), 4)  # refused: rejected
    send("ann", Upvote(card="c2"), 3)  # merged
    send("ann", Upvote(card="c2"), 5)  # unchanged
    send("bob", RemoveCard(card="c1"), 2)  # dropped: a lasting record
    send("ann", MoveCard(card="c2", column="doing"), 5)


def go_on(domain: Domain, commands: int, key: str = "b3") -> None:
    """Add cards to a board; they have the ids `b3-1`, `b3-2`, ..."""
    session = domain.session("eve", id=f"eve-{key}").aggregate(board, key)
    first = session.look().state.next_number
    many = [
        AddCard(card=f"c{number}", number=number, title="More")
        for number in range(first, first + commands)
    ]
    for start in range(0, commands, 500):
        pending = [session.send(one, id=f"{key}-{one.number}") for one in many[start : start + 500]]
        for each in pending:
            each.result(60)


def records(path: Path) -> list[Record]:
    """All records of a journal."""
    journal = LmdbJournal.open(path, read_only=True, unfinished=True)
    try:
        return [one.record for one in journal.read_every()]
    finally:
        journal.close()


def note(path: Path, command_id: str) -> Note:
    """The note of a command."""
    (found,) = [one for one in records(path) if one.command_id == command_id]
    return Note.unpack(found.note)


# Functions.


def same(record: JournalRecord) -> list[JournalRecord]:
    """Change nothing."""
    return [record]


def to_kanban(record: JournalRecord) -> Iterator[JournalRecord]:
    """Rename the decider."""
    yield record.to(AggregateId("kanban", record.aggregate.key))


def doubled(record: JournalRecord) -> Iterator[JournalRecord]:
    """Split each renaming of a card into two."""
    events: list[JournalEvent] = []
    for event in record.events:
        if event.name == "CardRenamed":
            card = event.load(board)
            assert isinstance(card, CardRenamed)
            events.append(JournalEvent.of(card.model_copy(update={"title": "…"})))
        events.append(event)
    yield record.with_events(*events)


def without_upvotes(record: JournalRecord) -> Iterator[JournalRecord]:
    """Leave out upvotes."""
    yield record.with_events(*[one for one in record.events if one.name != "CardUpvoted"])


def counted(record: JournalRecord) -> Iterator[JournalRecord]:
    """Note each new card also on a board of its own."""
    yield record
    cards = [event.fields["card"] for event in record.events if event.name == "CardAdded"]
    for card in cards:
        limited = ColumnLimited(column="done", limit=1)
        yield record.another(AggregateId("board", f"of-{record.aggregate.key}-{card}"), limited)


class Once:
    """Leave out the cards whose title was there before: it remembers earlier records."""

    def __init__(self) -> None:
        self._titles: set[object] = set()

    def __call__(self, record: JournalRecord) -> Iterator[JournalRecord]:
        """Keep the events that add no known title."""
        yield record.with_events(*filter(self._is_new, record.events))

    def _is_new(self, event: JournalEvent) -> bool:
        if event.name != CardAdded.stored_as:
            return True
        title = event.fields["title"]
        new = title not in self._titles
        self._titles.add(title)
        return new
