"""Two read models of the shop, and the same fold in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.crash.reaching.shop import (
    GivenBack,
    OrderChanged,
    OrderPlaced,
    Reminded,
    ShopEvent,
    StockEvent,
    Taken,
)

from comity.engine import Event, Recorded
from comity.readmodels import ReadModel, Row, Table


class OrderRow(Row):
    order: str
    shop: str
    changed: int
    """How often."""


class Orders(ReadModel[ShopEvent]):
    """Each order."""

    rows = Table(OrderRow, key=lambda row: row.order)
    per_shop = rows.count(lambda row: row.shop)

    def project(self, event: ShopEvent, at: Recorded[ShopEvent]) -> None:
        match event:
            case OrderPlaced(order=order):
                self.rows.put(OrderRow(order=order, shop=at.aggregate.key, changed=0))
            case OrderChanged(order=order):
                row = self.rows.get(order) or OrderRow(order=order, shop="?", changed=0)
                self.rows.put(row.model_copy(update={"changed": row.changed + 1}))


class MoveRow(Row):
    cell: str
    moves: int
    """How much was taken from it, given back to it and said of it."""


class Moves(ReadModel[StockEvent]):
    """Each cell of the stock. An event that is applied twice shows in its count."""

    rows = Table(MoveRow, key=lambda row: row.cell)
    moves = rows.sum(lambda row: row.moves, by=lambda row: row.cell)

    def project(self, event: StockEvent, at: Recorded[StockEvent]) -> None:
        row = self.rows.get(at.aggregate.key)
        moves = row.moves + 1 if row else 1
        self.rows.put(MoveRow(cell=at.aggregate.key, moves=moves))


MODELS = (Orders, Moves)


class Shown(NamedTuple):
    """What both models show."""

    orders: dict[str, tuple[str, int]]
    moves: dict[str, int]


def shown(orders: Orders, moves: Moves) -> Shown:
    """What these snapshots show."""
    assert orders.per_shop.total() == orders.rows.count()
    rows = list(moves.rows.all())
    assert moves.moves.total() == sum(row.moves for row in rows)
    return Shown(
        {row.order: (row.shop, row.changed) for row in orders.rows.all()},
        {row.cell: row.moves for row in rows},
    )


def fold(events: Sequence[Recorded[Event]], orders: int, moves: int) -> Shown:
    """What they have to show at these positions."""
    found: dict[str, tuple[str, int]] = {}
    for at in _upto(events, orders):
        match at.event:
            case OrderPlaced(order=order):
                found[order] = at.aggregate.key, 0
            case OrderChanged(order=order):
                shop, changed = found[order]
                found[order] = shop, changed + 1
            case _:
                pass
    stock = (
        at.aggregate.key
        for at in _upto(events, moves)
        if isinstance(at.event, Taken | GivenBack | Reminded)
    )
    return Shown(found, dict(Counter(stock)))


def _upto(events: Sequence[Recorded[Event]], position: int) -> Iterable[Recorded[Event]]:
    return (at for at in events if at.position <= position)
