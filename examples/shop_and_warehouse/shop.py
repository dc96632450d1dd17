"""The shop: its orders. It knows nothing of the warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from comity.engine import Command, Decider, Event, Rejected


@dataclass
class Order:
    item: str = ""
    quantity: int = 0
    cancelled: bool = False


class PlaceOrder(Command):
    item: str
    quantity: int
    touches = "order"


class CancelOrder(Command):
    touches = "order"


class OrderPlaced(Event):
    item: str
    quantity: int
    touches = "order"


class OrderCancelled(Event):
    item: str
    touches = "order"


OrderCommand: TypeAlias = PlaceOrder | CancelOrder
OrderEvent: TypeAlias = OrderPlaced | OrderCancelled


def decide(order: Order, command: OrderCommand) -> Iterator[OrderEvent]:
    match command:
        case PlaceOrder():
            if order.item:
                raise Rejected("this order was placed already")
            yield OrderPlaced(item=command.item, quantity=command.quantity)
        case CancelOrder():
            if not order.item or order.cancelled:
                raise Rejected("there is nothing to cancel")
            yield OrderCancelled(item=order.item)


def evolve(order: Order, event: OrderEvent) -> Order:
    match event:
        case OrderPlaced():
            order.item, order.quantity = event.item, event.quantity
        case OrderCancelled():
            order.cancelled = True
    return order


order = Decider("order", Order, decide, evolve)
