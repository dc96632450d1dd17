"""The task board that `read_side` measures: its domain, three read models, a filled journal."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from comity.engine import AggregateId, Command, Decider, Event, Key, Recorded, Rejected
from comity.engine.history.note import fold
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.result import Stored
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import store
from comity.engine.merging.report import Outcome
from comity.readmodels import ReadModel, Row, Table, Totals

COLUMNS = ("todo", "doing", "done")
PEOPLE = 100
CARDS = 100
"""The number of cards on each board."""
_GROUP = 256
"""Commands per commit when a journal is filled; many clients give similar groups."""


class CreateCard(Command):
    """Create a card."""

    card: Key[str]
    title: str


class RenameCard(Command):
    """Rename a card."""

    card: Key[str]
    title: str


class MoveCard(Command):
    """Move a card."""

    card: Key[str]
    column: str


class AssignCard(Command):
    """Assign a card."""

    card: Key[str]
    assignee: str | None


class CardCreated(Event):
    """A card was created."""

    card: Key[str]
    title: str


class CardRenamed(Event):
    """A card was renamed."""

    card: Key[str]
    title: str


class CardMoved(Event):
    """A card was moved."""

    card: Key[str]
    column: str


class CardAssigned(Event):
    """A card was assigned, perhaps to nobody."""

    card: Key[str]
    assignee: str | None


BoardCommand = CreateCard | RenameCard | MoveCard | AssignCard
BoardEvent = CardCreated | CardRenamed | CardMoved | CardAssigned


class Card(NamedTuple):
    """A card in the state of the aggregate."""

    title: str
    column: str = COLUMNS[0]
    assignee: str | None = None


@dataclass
class Board:
    """The cards of a board."""

    cards: dict[str, Card] = field(default_factory=dict[str, Card])


def decide(board: Board, command: BoardCommand) -> Iterator[BoardEvent]:
    """Check the rules, and give one event."""
    card = board.cards.get(command.card)
    if isinstance(command, CreateCard):
        if card is not None:
            raise Rejected("there is such a card")
        yield CardCreated(card=command.card, title=command.title)
        return
    if card is None:
        raise Rejected("there is no such card")
    match command:
        case RenameCard(card=name, title=title):
            if title != card.title:
                yield CardRenamed(card=name, title=title)
        case MoveCard(card=name, column=column):
            if column != card.column:
                yield CardMoved(card=name, column=column)
        case AssignCard(card=name, assignee=assignee):
            if assignee != card.assignee:
                yield CardAssigned(card=name, assignee=assignee)


def evolve(board: Board, event: BoardEvent) -> Board:
    """Apply the event."""
    board.cards[event.card] = changed(board.cards.get(event.card), event)
    return board


def changed(card: Card | None, event: BoardEvent) -> Card:
    """The card after the event."""
    if isinstance(event, CardCreated):
        return Card(event.title)
    assert card is not None
    match event:
        case CardRenamed(title=title):
            return card._replace(title=title)
        case CardMoved(column=column):
            return card._replace(column=column)
        case CardAssigned(assignee=assignee):
            return card._replace(assignee=assignee)


board = Decider("board", Board, decide, evolve)


# --- read models ----------------------------------------------------------------------------------


class CardRow(Row):
    """A card of a board."""

    board: str
    card: str
    title: str
    column: str
    assignee: str | None = None


class Cards(ReadModel[BoardEvent]):
    """Two indexes and a count."""

    rows = Table(CardRow, key=lambda row: (row.board, row.card))
    by_assignee = rows.index(lambda row: row.assignee)
    by_column = rows.index(lambda row: (row.board, row.column, row.title))
    per_person = rows.count(lambda row: row.assignee)

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        """A row for each card."""
        key = (at.aggregate.key, event.card)
        match event:
            case CardCreated(card=card, title=title):
                board = at.aggregate.key
                self.rows.put(CardRow(board=board, card=card, title=title, column=COLUMNS[0]))
            case CardRenamed(title=title):
                self.rows.update(key, title=title)
            case CardMoved(column=column):
                self.rows.update(key, column=column)
            case CardAssigned(assignee=assignee):
                self.rows.update(key, assignee=assignee)


class BoardRow(Row):
    """The last change of a board."""

    board: str
    changes: int
    card: str
    version: int


class Boards(ReadModel[BoardEvent]):
    """One row for each board, changed by each event."""

    rows = Table(BoardRow, key=lambda row: row.board)

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        """Count the change, and keep it as the last one."""
        name = at.aggregate.key
        row = self.rows.get(name)
        changes = row.changes + 1 if row else 1
        self.rows.put(BoardRow(board=name, changes=changes, card=event.card, version=at.version))


class Activity(ReadModel[BoardEvent]):
    """Totals without rows."""

    by_kind = Totals(str, int)
    by_board = Totals(str, int)

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        """Add one."""
        self.by_kind.add(event.stored_as, 1)
        self.by_board.add(at.aggregate.key, 1)


MODELS = (Cards, Boards, Activity)

Expected = Mapping[tuple[str, str], Card]
"""The expected cards, by board and card."""


def person(number: int) -> str:
    """Somebody's name."""
    return f"person-{number % PEOPLE:03}"


def check_cards(cards: Cards, expected: Expected) -> None:
    """Check every row, both indexes and the count against the expected cards."""
    found = {
        (row.board, row.card): Card(row.title, row.column, row.assignee) for row in cards.rows.all()
    }
    assert found == expected, f"{len(found)} rows are not the {len(expected)} that were expected"
    per_person = Counter(card.assignee for card in expected.values() if card.assignee)
    assert dict(cards.per_person.items()) == per_person, "the count is wrong"
    for who in per_person:
        listed = {(row.board, row.card) for row in cards.by_assignee[who]}
        wanted = {key for key, card in expected.items() if card.assignee == who}
        assert listed == wanted, f"by_assignee[{who!r}] is wrong"
    in_order = sorted((key[0], card.column, card.title, key[1]) for key, card in expected.items())
    by_column = [(row.board, row.column, row.title, row.card) for row in cards.by_column.all()]
    assert by_column == in_order, "by_column is wrong"


# --- a journal, without actors --------------------------------------------------------------------


def fill(path: Path, events: int) -> Expected:
    """Fill a journal with events of boards with `CARDS` cards; a tenth of them create cards.

    They are appended in groups, as with many clients. Returns the cards.
    """
    boards = [f"board-{number:04}" for number in range(max(1, events // (10 * CARDS)))]
    expected: dict[tuple[str, str], Card] = {}
    versions = dict.fromkeys(boards, 0)
    happened = _happened(boards, expected, events)
    journal = LmdbJournal.open(path)
    number = 0
    try:
        while group := list(itertools.islice(happened, _GROUP)):
            turns: list[Turn] = []
            for name, event in group:
                turns.append(_turn(name, versions[name], event, number))
                versions[name] += 1
                number += 1
            for result in journal.append(turns):
                assert isinstance(result, Stored)
        assert journal.position() == events
    finally:
        journal.close()
    return expected


def _happened(
    boards: Sequence[str], expected: dict[tuple[str, str], Card], events: int
) -> Iterator[tuple[str, BoardEvent]]:
    chance = random.Random(17)  # noqa: S311 - the same journal each time
    known: list[tuple[str, str]] = []
    for number in range(events):
        if number % 10 == 0:
            turn = number // 10
            key = (boards[turn % len(boards)], f"card-{turn // len(boards):03}")
            event: BoardEvent = CardCreated(card=key[1], title=f"Task {number}")
            known.append(key)
        else:
            key = chance.choice(known)
            event = _change(expected[key], key[1], number, chance)
        expected[key] = changed(expected.get(key), event)
        yield key[0], event


def _change(card: Card, name: str, number: int, chance: random.Random) -> BoardEvent:
    match number % 3:
        case 0:
            return CardRenamed(card=name, title=f"Task {number}")
        case 1:
            others = [column for column in COLUMNS if column != card.column]
            return CardMoved(card=name, column=chance.choice(others))
        case _:
            who = person(chance.randrange(PEOPLE))
            return CardAssigned(card=name, assignee=None if who == card.assignee else who)


def _turn(name: str, version: int, event: BoardEvent, number: int) -> Turn:
    entry = Entry(
        f"{number:016x}0123456789abcdef",
        (store(event),),
        1_700_000_000_000_000 + number,
        _note(person(number), type(event)),
    )
    return Turn.of(AggregateId(board.name, name), version, (entry,))


@cache
def _note(who: str, kind: type[Event]) -> object:
    return fold(who, f"{who}-0123456789ab", None, kind.__name__, None, Outcome.APPLIED, {})
