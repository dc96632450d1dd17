"""A shop whose program changes: what the first version has written, and later versions of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType

from comity.actors import Domain, Policy
from comity.engine import Command, Decider, Event, Fields, Key, Recorded, Rejected
from comity.readmodels import ReadModel, Row, Table

# --- the first version ----------------------------------------------------------------------------


class Sell(Command):
    item: Key[str]
    price: int


class Rename(Command):
    item: Key[str]
    name: str


class Praise(Command):
    words: str


class Sold(Event):
    item: Key[str]
    price: int


class Named(Event):
    item: Key[str]
    name: str


class Praised(Event):
    words: str


@dataclass
class Shop:
    prices: dict[str, int] = field(default_factory=dict[str, int])


def decide(shop: Shop, command: Sell | Rename | Praise) -> Iterator[Sold | Named | Praised]:
    match command:
        case Sell(item=item, price=price):
            yield Sold(item=item, price=price)
        case Rename(item=item, name=name):
            if item not in shop.prices:
                raise Rejected("there is no such item")
            yield Named(item=item, name=name)
        case Praise(words=words):
            yield Praised(words=words)


def evolve(shop: Shop, event: Sold | Named | Praised) -> Shop:
    if isinstance(event, Sold):
        shop.prices[event.item] = event.price
    return shop


shop = Decider("shop", Shop, decide, evolve)


class ItemRow(Row):
    shop: str
    item: str
    price: int


class Items(ReadModel[Sold]):
    map_size = 1 << 26
    rows = Table(ItemRow, key=lambda row: (row.shop, row.item))

    def project(self, event: Sold, at: Recorded) -> None:
        self.rows.put(ItemRow(shop=at.aggregate.key, item=event.item, price=event.price))


def trade(
    path: Path,
    *,
    shops: int = 3,
    name: str = "s",
    snapshots: bool = False,
    models: bool = False,
    keep_commands: bool = False,
) -> None:
    """Each shop sells and names two items, and is praised once."""
    policy = Policy(snapshot_every=4 if snapshots else 1_000)
    with Domain.open(
        path,
        deciders=[shop],
        read_models=[Items] if models else [],
        policy=policy,
        keep_commands=keep_commands,
    ) as domain:
        position = 0
        for number in range(shops):
            one = domain.aggregate(shop, f"{name}{number}")
            for item in ("a", "b"):
                one.send(Sell(item=item, price=number)).result(20)
                one.send(Rename(item=item, name=f"{item}!")).result(20)
            position = one.send(Praise(words="good")).result(20).position
        if models:
            domain.read(Items, after=position, timeout=20).close()


# --- later versions -------------------------------------------------------------------------------


class Priced(Event):
    """`Sold` by another name, and in cents."""

    aliases = ("Sold",)
    schema_version = 2
    item: Key[str]
    cents: int

    @staticmethod
    def in_cents(price: int) -> Fields:
        return {"cents": price * 100}

    upcasts = {1: in_cents}


def nothing(shop: Shop, event: Event) -> None:
    """An `evolve` that changes nothing."""


def decider(
    events: type[Event] | UnionType,
    apply: Callable[[Shop, Event], None] = nothing,
    retired: Iterable[str] = (),
) -> Decider[Shop, Sell, Event]:
    """A later decider with these events: a class, or a union."""

    def decide(shop: Shop, command: Sell) -> Iterator[Event]:
        yield from ()

    def evolve(shop: Shop, event: Event) -> Shop:
        apply(shop, event)
        return shop

    evolve.__annotations__["event"] = events
    return Decider("shop", Shop, decide, evolve, retired=retired)


without_praise = decider(Sold | Named)
