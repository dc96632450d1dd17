"""One read model in three versions of a program: its rows gain fields."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tests.readmodels.cards import CardAdded, CardGiven, CardRenamed

from comity.engine import Recorded
from comity.readmodels import ReadModel, Row, Table

LONG_AGO = datetime(2020, 2, 29, tzinfo=UTC)


class OldRow(Row):
    card: str
    title: str


class Old(ReadModel[CardAdded | CardRenamed]):
    stored_as = "Cards"
    map_size = 1 << 28
    rows = Table(OldRow, key=lambda row: row.card)
    by_title = rows.index(lambda row: row.title)
    per_title = rows.count(lambda row: row.title)

    def project(self, event: CardAdded | CardRenamed, at: Recorded) -> None:
        match event:
            case CardAdded(card=card, title=title):
                self.rows.put(OldRow(card=card, title=title))
            case CardRenamed(card=card, title=title):
                self.rows.update(card, title=title)


class NewRow(OldRow):
    owner: str | None = None
    due: datetime = LONG_AGO
    cost: Decimal = Decimal("1.50")
    tags: tuple[str, ...] = ("new",)


NewEvent = CardAdded | CardRenamed | CardGiven


class New(ReadModel[NewEvent]):
    """It has gained four fields, and an event that fills one of them."""

    stored_as = "Cards"
    map_size = 1 << 28
    rows = Table(NewRow, key=lambda row: row.card, gained=["owner", "due", "cost", "tags"])
    by_title = rows.index(lambda row: row.title)
    per_title = rows.count(lambda row: row.title)

    def project(self, event: NewEvent, at: Recorded) -> None:
        match event:
            case CardAdded(card=card, title=title, owner=owner, tags=tags):
                self.rows.put(NewRow(card=card, title=title, owner=owner, tags=tags))
            case CardRenamed(card=card, title=title):
                self.rows.update(card, title=title)
            case CardGiven(card=card, owner=owner):
                self.rows.update(card, owner=owner)


class NewestRow(NewRow):
    votes: int = 7


class Newest(ReadModel[NewEvent]):
    stored_as = "Cards"
    map_size = 1 << 28
    rows = Table(
        NewestRow, key=lambda row: row.card, gained=["votes", "owner", "due", "cost", "tags"]
    )
    by_title = rows.index(lambda row: row.title)
    per_title = rows.count(lambda row: row.title)

    def project(self, event: NewEvent, at: Recorded) -> None:
        match event:
            case CardAdded(card=card, title=title):
                self.rows.put(NewestRow(card=card, title=title))
            case CardRenamed(card=card, title=title):
                self.rows.update(card, title=title, votes=len(title))
            case CardGiven(card=card, owner=owner):
                self.rows.update(card, owner=owner)
