"""A domain that reaches far: a process with orders and timers, and two outlets to one service.

A parcel takes two things from the stock; if one is refused, the other is given back. Some time
later its customer is reminded. Deciders here count nothing, so that an order which took effect
twice would show.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.crash.reaching.service import ask, ask_async

from comity.actors import Delivery, Domain, Outlet
from comity.engine import (
    Answered,
    CancelTimer,
    Command,
    Decider,
    End,
    Event,
    Order,
    Process,
    Rang,
    Recorded,
    Rejected,
    SetTimer,
)
from comity.readmodels.tables.read_model import AnyReadModel

CELLS = 4
TOO_HEAVY = 5
"""Each weight that is a multiple is too heavy for the second thing."""
BILLED = 3
"""How often a bill is tried; then it is parked, and somebody has to try it again."""


class PlaceOrder(Command):
    order: str
    weight: int
    late: int
    """Milliseconds until the customer is reminded."""


class ChangeOrder(Command):
    order: str


class OrderPlaced(Event):
    order: str
    weight: int
    late: int


class OrderChanged(Event):
    order: str


class Take(Command):
    order: str
    part: int
    weight: int


class GiveBack(Command):
    order: str


class Remind(Command):
    order: str


class Taken(Event):
    order: str
    part: int


class GivenBack(Event):
    order: str


class Reminded(Event):
    order: str


ShopEvent = OrderPlaced | OrderChanged
StockCommand = Take | GiveBack | Remind
StockEvent = Taken | GivenBack | Reminded


def decide_shop(count: int, command: PlaceOrder | ChangeOrder) -> Iterator[ShopEvent]:
    match command:
        case PlaceOrder(order=order, weight=weight, late=late):
            yield OrderPlaced(order=order, weight=weight, late=late)
        case ChangeOrder(order=order):
            yield OrderChanged(order=order)


def decide_stock(count: int, command: StockCommand) -> Iterator[StockEvent]:
    match command:
        case Take(part=1, weight=weight) if weight % TOO_HEAVY == 0:
            raise Rejected("too heavy", weight=weight)
        case Take(order=order, part=part):
            yield Taken(order=order, part=part)
        case GiveBack(order=order):
            yield GivenBack(order=order)
        case Remind(order=order):
            yield Reminded(order=order)


def count_shop(count: int, event: ShopEvent) -> int:
    return count + 1


def count_stock(count: int, event: StockEvent) -> int:
    return count + 1


shop = Decider("shop", int, decide_shop, count_shop)
stock = Decider("stock", int, decide_stock, count_stock)


# --- the process ----------------------------------------------------------------------------------


@dataclass
class Parcel:
    order: str = ""
    answers: dict[str, bool] = field(default_factory=dict[str, bool])
    """Whether each order was carried out."""
    rang: bool = False

    @property
    def given_up(self) -> bool:
        """Whether the first thing must go back, because the second one was refused."""
        return self.answers.get("take 0", False) and not self.answers.get("take 1", True)

    @property
    def done(self) -> bool:
        wanted = {"take 0", "take 1", "remind"}
        if self.given_up:
            wanted.add("give back")
        return wanted <= self.answers.keys()


def key(event: ShopEvent) -> str:
    return event.order


def evolve(parcel: Parcel, thing: ShopEvent | Answered | Rang) -> Parcel:
    match thing:
        case OrderPlaced(order=order):
            parcel.order = order
        case Answered(order=name, refused=refused):
            parcel.answers[name] = not refused
        case Rang():
            parcel.rang = True
        case OrderChanged():
            pass
    return parcel


def react(
    parcel: Parcel, thing: ShopEvent | Answered | Rang
) -> Iterator[Order | SetTimer | CancelTimer | End]:
    match thing:
        case OrderPlaced(order=order, weight=weight, late=late):
            for part in (0, 1):
                command = Take(order=order, part=part, weight=weight)
                yield Order(stock, cell(order, part), command, name=f"take {part}")
            yield SetTimer("late", after=timedelta(milliseconds=late))
            yield SetTimer("never", after=timedelta(hours=1))
        case OrderChanged():
            yield SetTimer("never", after=timedelta(hours=2))
            if not parcel.rang:
                yield SetTimer("late", after=timedelta(milliseconds=5))
        case Answered(order="take 0" | "take 1") if parcel.given_up:
            back = GiveBack(order=parcel.order)
            yield Order(stock, cell(parcel.order, 0), back, name="give back")
        case Answered():
            if parcel.done:
                if len(parcel.order) % 2:  # otherwise it is cancelled by the end
                    yield CancelTimer("never")
                yield End("done")
        case Rang():
            yield Order(stock, cell(parcel.order, 2), Remind(order=parcel.order), name="remind")


def cell(order: str, part: int) -> str:
    """Which aggregate has the thing."""
    return f"c{(zlib.crc32(order.encode()) + part) % CELLS}"


parcel = Process("parcel", Parcel, key, evolve, react, starts=[OrderPlaced], orders=[stock])


# --- the outlets ----------------------------------------------------------------------------------


class Mails(Outlet[OrderPlaced | OrderChanged | Reminded]):
    """An async outlet, in order for each aggregate."""

    start = "beginning"
    timeout = 0.15
    tries = 1_000
    back_off = (0.005, 0.05)

    def __init__(self, service: Path, life: int) -> None:
        self._service = service
        self._life = life

    async def deliver(
        self,
        event: OrderPlaced | OrderChanged | Reminded,
        at: Delivery[OrderPlaced | OrderChanged | Reminded],
    ) -> None:
        await ask_async(self._service, self._life, "Mails", str(at.aggregate), at.position, at.id)


class Bills(Outlet[Taken | GivenBack]):
    """A plain outlet, in order for each parcel. It parks what fails three times."""

    start = "now"
    timeout = 0.15
    tries = BILLED
    back_off = (0.005, 0.05)

    def __init__(self, service: Path, life: int) -> None:
        self._service = service
        self._life = life

    def key(self, event: Taken | GivenBack, at: Recorded[Taken | GivenBack]) -> str:
        return event.order

    def deliver(self, event: Taken | GivenBack, at: Delivery[Taken | GivenBack]) -> None:
        ask(self._service, self._life, "Bills", event.order, at.position, at.id)


def open_shop(
    path: Path, service: Path, life: int, read_models: Sequence[type[AnyReadModel]] = ()
) -> Domain:
    """Open the domain, whose outlets reach a service."""
    return Domain.open(
        path, deciders=[shop, stock], processes=[parcel], read_models=read_models,
        outlets=[Mails(service, life), Bills(service, life)],
    )  # fmt: skip
