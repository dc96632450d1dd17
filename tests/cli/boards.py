"""Read models of boards for the tests of building and of the command line."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

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
"""`Fussy` and `Strict` cannot take titles that begin with it."""
CURED: set[str] = set()
"""Unless they are in here."""


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
        """Fail where the title begins with poison."""
        title = event.title if isinstance(event, CardRenamed) else ""
        if title.startswith(POISON) and title not in CURED:
            raise ValueError(title)
        super().project(event, at)


class Fussy(Strict):
    """Parks the board of a title that it cannot take."""

    on_error = "park"


class Held(BoardCards):
    """Stands still while there is a file `hold` where its program runs."""

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        """Wait first."""
        while Path("hold").exists():
            time.sleep(0.01)
        super().project(event, at)


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


class Newer(BoardCards):
    """`BoardCards` as another version of the program has it."""

    stored_as = "BoardCards"
    version = 2


class Wider(ReadModel[BoardEvent]):
    """`BoardCards` with other columns."""

    class Row(Row):
        """Other columns."""

        title: str

    stored_as = "BoardCards"
    cards = Table(Row, key=lambda row: row.title)

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        """Keep nothing."""


class Colour(Enum):
    """A kind of key."""

    RED = "red"
    BLUE = "blue"


class KindRow(Row):
    """A key of each kind."""

    number: int
    title: str
    colour: Colour
    when: datetime
    day: date
    id: UUID
    weight: Decimal
    odd: bool
    data: bytes
    maybe: int | None


class Kinds(ReadModel[CardAdded]):
    """Keys of all kinds, and such that are computed."""

    rows = Table(KindRow, key=lambda row: row.number)
    by_colour = rows.index(lambda row: (row.colour, row.title))
    by_when = rows.index(lambda row: row.when)
    by_day = rows.index(lambda row: (row.odd, descending(row.day)))
    by_id = rows.unique(lambda row: row.id)
    by_weight = rows.index(lambda row: row.weight)
    by_data = rows.index(lambda row: row.data)
    by_maybe = rows.index(lambda row: row.maybe)
    by_word = rows.index_each(lambda row: row.title.lower().split())
    by_rest = rows.index(lambda row: row.number % 3)
    by_pair = rows.index(lambda row: (row.title.lower(), row.number))
    by_nothing = rows.index(lambda row: None if row.number else row.title.lower())
    falling = rows.index(lambda row: descending(row.number * 2))
    per_colour = rows.count(lambda row: (row.colour.value, row.odd))
    per_rest = rows.count(lambda row: row.number % 2)

    def project(self, event: CardAdded, at: Recorded[CardAdded]) -> None:
        """A row of values that can be told from its number."""
        number = event.number
        self.rows.put(
            KindRow(
                number=number,
                title=event.title,
                colour=(Colour.RED, Colour.BLUE)[number % 2],
                when=datetime(2026, 1, number, 12, tzinfo=UTC),
                day=date(2026, 1, number),
                id=UUID(int=number),
                weight=Decimal(number) / 4,
                odd=number % 2 == 1,
                data=bytes([number]),
                maybe=None if number == 1 else number,
            )
        )
