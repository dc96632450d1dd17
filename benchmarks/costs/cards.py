"""The model of the costs: the board's cards with two indexes and a count."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

from benchmarks.board import COLUMNS
from benchmarks.peers.comity_board import (
    AssignCard,
    BoardCommand,
    BoardEvent,
    CardAssigned,
    CardCreated,
    CardMoved,
    CardRenamed,
    CardRow,
    CreateCard,
    MoveCard,
    RenameCard,
    board,
)
from comity.actors import Domain
from comity.engine import Recorded
from comity.readmodels import ReadModel, Table

PEOPLE: Final = 50
CARDS: Final = 100
"""Cards of each board."""


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
                self.rows.put(CardRow(board=key[0], card=card, title=title, column=COLUMNS[0]))
            case CardRenamed(title=title):
                self.rows.update(key, title=title)
            case CardMoved(column=column):
                self.rows.update(key, column=column)
            case CardAssigned(assignee=assignee):
                self.rows.update(key, assignee=assignee)


def names(boards: int) -> Sequence[str]:
    """What the boards are called."""
    return [f"board-{number:04}" for number in range(boards)]


def write(domain: Domain, events: int) -> int:
    """Write about so many events, in turn to boards of 100 cards; returns how many they are."""
    boards = names(max(1, events // (10 * CARDS)))
    written = 0
    for number in range(max(1, events // (len(boards) * CARDS))):
        batches = [domain.aggregate(board, name).send_many(commands(number)) for name in boards]
        for batch in batches:
            batch.result(60)
        written += len(boards) * CARDS
    return written


def commands(number: int) -> list[BoardCommand]:
    """A command for each card of a board."""
    return [command(number, card) for card in range(CARDS)]


def command(number: int, card: int) -> BoardCommand:
    """A command for a card; the first one makes it."""
    name = card_name(card)
    if number == 0:
        return CreateCard(card=name, title=f"Task {card} of this board")
    if number % 3 == 1:
        return RenameCard(card=name, title=f"Task {card}, changed {number} times")
    if number % 3 == 2:  # noqa: PLR2004 - the second of three
        return MoveCard(card=name, column=COLUMNS[number // 3 % 3])
    return AssignCard(card=name, assignee=f"person-{(card + number) % PEOPLE:03}")


def card_name(card: int) -> str:
    """What a card is called."""
    return f"card-{card:03}"


def keys(boards: int) -> list[tuple[str, str]]:
    """The keys of all rows."""
    return list(product(names(boards), map(card_name, range(CARDS))))
