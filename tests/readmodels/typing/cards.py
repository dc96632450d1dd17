"""A read model that is right: both checkers pass it, strictly. The mistakes vary it by one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, assert_type

from comity.engine import Event, Key, Recorded
from comity.readmodels import (
    Descending,
    Page,
    Query,
    ReadModel,
    Row,
    Selection,
    Table,
    Totals,
    descending,
)


class CardAdded(Event):
    card: Key[str]
    title: str


class CardMoved(Event):
    card: Key[str]
    column: str


class CardRemoved(Event):
    card: Key[str]


CardEvent = CardAdded | CardMoved | CardRemoved


class CardRow(Row):
    board: str
    card: str
    title: str
    column: str = "todo"
    owner: str | None = None
    number: int = 0
    points: int = 0
    cost: Decimal = Decimal(0)
    weight: float = 0.0
    tags: tuple[str, ...] = ()
    changed: datetime = datetime(2026, 1, 1, tzinfo=UTC)


class OtherRow(Row):
    name: str


class Brief(NamedTuple):
    card: str
    title: str


class Cards(ReadModel[CardEvent]):
    rows = Table(CardRow, key=lambda row: (row.board, row.card))
    others = Table(OtherRow, key=lambda row: row.name)
    by_owner = rows.index(lambda row: row.owner)
    by_title = rows.index(lambda row: row.title)
    by_column = rows.index(lambda row: (row.board, row.column, descending(row.changed)))
    by_tag = rows.index_each(lambda row: row.tags)
    by_number = rows.unique(lambda row: (row.board, row.number))
    per_owner = rows.count(lambda row: row.owner)
    points = rows.sum(lambda row: row.points, by=lambda row: row.owner)
    costs = rows.sum(lambda row: row.cost, by=lambda row: row.column)
    votes = Totals(str, int)

    def project(self, event: CardEvent, at: Recorded[CardEvent]) -> None:
        board = at.aggregate.key
        match event:
            case CardAdded(card=card, title=title):
                self.rows.put(CardRow(board=board, card=card, title=title, changed=at.time))
                self.votes.add(card, 1)
            case CardMoved(card=card, column=column):
                moved = self.rows.update((board, card), column=column)
                assert_type(moved, CardRow)
            case CardRemoved(card=card):
                assert_type(self.rows.delete((board, card)), bool)


def ask(cards: Cards) -> Sequence[str]:
    """Everything keeps its type."""
    assert_type(cards.rows.get(("b", "c")), CardRow | None)
    assert_type(cards.rows["b", "c"], CardRow)
    assert_type(cards.rows.get_many([("b", "c")]), list[CardRow | None])
    assert_type(cards.by_owner["ann"], Query[CardRow])
    assert_type(cards.by_number.get(("b", 3)), CardRow | None)
    assert_type(cards.by_tag["x"].list(), list[CardRow])
    assert_type(cards.rows.prefix("b").page(limit=20), Page[CardRow])
    assert_type(cards.by_column.prefix("b", "todo").first(), CardRow | None)
    assert_type(cards.by_title.starting("a").into(Brief), Query[Brief])
    assert_type(cards.by_title.between("a", "b").reversed().count(), int)
    assert_type(cards.rows.where(board="b"), Query[CardRow])
    assert_type(cards.rows.scan(lambda row: row.points > 3), Query[CardRow])
    assert_type(cards.per_owner["ann"], int)
    assert_type(cards.points["ann"], int)
    assert_type(cards.costs["todo"], Decimal)
    assert_type(cards.costs.total(), Decimal)
    assert_type(dict(cards.costs.items()), dict[str, Decimal])
    assert_type(cards.votes.top(3), list[tuple[str, int]])
    assert_type(Cards.by_owner["ann"], Selection[CardRow])
    assert_type(Cards.rows.between(("b", "a"), ("b", "c")), Selection[CardRow])
    newest: Descending[datetime] = descending(datetime(2026, 1, 1, tzinfo=UTC))
    return [row.title for row in cards.by_column.since(("b", "todo", newest))]
