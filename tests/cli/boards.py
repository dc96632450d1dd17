"""Read models of boards for the tests of building and of the command line."""

from __future__ import annotations

from decimal import Decimal

from examples.board.domain import (
    BoardEvent,
    CardAdded,
    CardAssigned,
    CardCommented,
    CardMoved,
    CardRemoved,
    CardRenamed,
    CardUpvoted,
    ColumnLimited,
)

from comity.engine import Recorded
from comity.readmodels import ReadModel, Row, Table, Totals, descending

POISON = "poison"
"""What `Fussy` and `Strict` cannot take as a title."""


class CardRow(Row):
    """A card."""

    board: str
    card: str
    number: int
    title: str
    column: str
    assignee: str | None = None
    voters: tuple[str, ...] = ()

    @property
    def weight(self) -> Decimal:
        """Something to add up."""
        return Decimal(self.number) / 4


class BoardCards(ReadModel[BoardEvent]):
    """The cards of all boards; a board changes only rows of its own."""

    keyed_by_aggregate = True
    cards = Table(CardRow, key=lambda row: (row.board, row.card))
    by_assignee = cards.index(lambda row: row.assignee)
    by_column = cards.index(lambda row: (row.board, row.column, descending(row.number)))
    by_voter = cards.index_each(lambda row: row.voters)
    by_number = cards.unique(lambda row: (row.board, row.number))
    per_column = cards.count(lambda row: row.column)
    weights = cards.sum(lambda row: row.weight, by=lambda row: row.column)
    votes = Totals(str, int)

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        """Keep the cards."""
        match event:
            case CardAdded(card=card, number=number, title=title, column=column):
                board = at.aggregate.key
                self.cards.put(
                    CardRow(board=board, card=card, number=number, title=title, column=column)
                )
            case ColumnLimited():
                pass
            case _:
                self.change(event, (at.aggregate.key, event.card))

    def change(self, event: BoardEvent, key: tuple[str, str]) -> None:
        """What happens to a card that is there; streams made by chance know of others, too."""
        row = self.cards.get(key)
        if row is None:
            return
        match event:
            case CardRenamed(title=title):
                self.cards.update(key, title=title)
            case CardMoved(column=column):
                self.cards.update(key, column=column)
            case CardAssigned(assignee=assignee):
                self.cards.update(key, assignee=assignee or None)
            case CardUpvoted(voter=voter):
                self.votes.add(voter, 1)
                self.cards.update(key, voters=tuple(sorted({*row.voters, voter})))
            case CardRemoved():
                self.cards.delete(key)
            case CardAdded() | CardCommented() | ColumnLimited():
                pass


class Strict(BoardCards):
    """Stops at a title that it cannot take."""

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        """Fail where the title is poison."""
        if isinstance(event, CardRenamed) and event.title == POISON:
            raise ValueError(event.title)
        super().project(event, at)


class Fussy(Strict):
    """Parks the board of a title that it cannot take."""

    on_error = "park"


class OneBoard(BoardCards):
    """Says that it is keyed by aggregate, and is not: cards of two boards have the same key."""

    class Name(Row):
        """A card of whichever board."""

        card: str
        title: str

    names = Table(Name, key=lambda row: row.card)

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        """Keep the names."""
        if isinstance(event, CardAdded):
            self.names.put(self.Name(card=event.card, title=event.title))


class NotKeyed(BoardCards):
    """Does not say that it is keyed by aggregate."""

    keyed_by_aggregate = False
