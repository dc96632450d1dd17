"""The warehouse: its stock, and what is reserved. It knows the shop's events, not its code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from comity.engine import Command, Decider, Event, Key, Rejected
from comity.integration import ForeignEvents, Received

# --- the shop's events, as the warehouse reads them -----------------------------------------------


class Placed(Event):
    stored_as = "OrderPlaced"
    item: str
    quantity: int


class Cancelled(Event):
    stored_as = "OrderCancelled"
    item: str


orders = ForeignEvents[Placed | Cancelled]("order", [Placed, Cancelled])

# --- its own stock --------------------------------------------------------------------------------


@dataclass
class Stock:
    left: int = 0
    reserved: dict[str, int] = field(default_factory=dict[str, int])


class SoldOut(Rejected):
    def __init__(self, left: int) -> None:
        super().__init__(f"{left} are left", left=left)


class Fill(Command):
    quantity: int
    touches = "left"


class Reserve(Command):
    """Takes goods off the shelf. Its id tells a second copy from a second reservation."""

    order: Key[str]
    quantity: int


class Release(Command):
    order: Key[str]


class Filled(Event):
    quantity: int
    touches = "left"


class Reserved(Event):
    order: Key[str]
    quantity: int


class Released(Event):
    order: Key[str]


StockCommand: TypeAlias = Fill | Reserve | Release
StockEvent: TypeAlias = Filled | Reserved | Released


def decide(stock: Stock, command: StockCommand) -> Iterator[StockEvent]:
    match command:
        case Fill():
            yield Filled(quantity=command.quantity)
        case Reserve():
            if stock.left < command.quantity:
                raise SoldOut(stock.left)
            yield Reserved(order=command.order, quantity=command.quantity)
        case Release():
            if command.order in stock.reserved:
                yield Released(order=command.order)


def evolve(stock: Stock, event: StockEvent) -> Stock:
    match event:
        case Filled():
            stock.left += event.quantity
        case Reserved():
            stock.left -= event.quantity
            stock.reserved[event.order] = stock.reserved.get(event.order, 0) + event.quantity
        case Released():
            stock.left += stock.reserved.pop(event.order)
    return stock


stock = Decider("stock", Stock, decide, evolve)


def command_of(received: Received[Placed | Cancelled]) -> Reserve | Release:
    """What the warehouse does about an event of the shop."""
    name = received.aggregate.key
    match received.event:
        case Placed(quantity=quantity):
            return Reserve(order=name, quantity=quantity)
        case Cancelled():
            return Release(order=name)
