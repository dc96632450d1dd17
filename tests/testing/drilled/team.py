"""A small domain with two of each part, so that one can be broken while the other goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from comity.actors import Delivery, Outlet
from comity.engine import (
    Answered,
    Command,
    Decider,
    End,
    Event,
    Order,
    Process,
    Rang,
    Recorded,
    SetTimer,
)
from comity.readmodels import ReadModel, Row, Table

LATE = 0.2
"""Seconds after which a process reminds of what was asked."""


class Ask(Command):
    wish: str


class Asked(Event):
    wish: str


class Take(Command):
    wish: str
    by: str


class Remind(Command):
    wish: str
    by: str


class Taken(Event):
    wish: str
    by: str


class Reminded(Event):
    wish: str
    by: str


StockEvent = Taken | Reminded


def decide_desk(count: int, command: Ask) -> Iterator[Asked]:
    yield Asked(wish=command.wish)


def decide_stock(done: list[str], command: Take | Remind) -> Iterator[StockEvent]:
    match command:
        case Take(wish=wish, by=by):
            yield Taken(wish=wish, by=by)
        case Remind(wish=wish, by=by):
            yield Reminded(wish=wish, by=by)


def count_asked(count: int, event: Asked) -> int:
    return count + 1


def note_stock(done: list[str], event: StockEvent) -> list[str]:
    done.append(f"{type(event).__name__} by {event.by}")
    return done


desk = Decider("desk", int, decide_desk, count_asked)
stock = Decider("stock", list[str], decide_stock, note_stock)


# --- two models, two outlets, two processes -------------------------------------------------------


class WishRow(Row):
    wish: str


class Wishes(ReadModel[Asked]):
    rows = Table(WishRow, key=lambda row: row.wish)

    def project(self, event: Asked, at: Recorded[Asked]) -> None:
        self.rows.put(WishRow(wish=event.wish))


class MoreWishes(ReadModel[Asked]):
    rows = Table(WishRow, key=lambda row: row.wish)

    def project(self, event: Asked, at: Recorded[Asked]) -> None:
        self.rows.put(WishRow(wish=event.wish))


class Mails(Outlet[Asked]):
    """Notes what it has delivered."""

    start = "beginning"
    timeout = 0.1
    back_off = (0.05, 0.2)

    def __init__(self) -> None:
        self.sent = defaultdict[str, list[str]](list)
        """The wishes, by key, in the order in which they were delivered."""

    async def deliver(self, event: Asked, at: Delivery[Asked]) -> None:
        self.sent[at.aggregate.key].append(event.wish)


class Letters(Outlet[Asked]):
    """The same in plain functions."""

    start = "beginning"
    timeout = 0.1
    back_off = (0.05, 0.2)

    def __init__(self) -> None:
        self.sent = defaultdict[str, list[str]](list)

    def deliver(self, event: Asked, at: Delivery[Asked]) -> None:
        self.sent[at.aggregate.key].append(event.wish)


@dataclass
class Errand:
    wish: str = ""


def key(event: Asked) -> str:
    return event.wish


def evolve(errand: Errand, thing: Asked | Answered | Rang) -> Errand:
    if isinstance(thing, Asked):
        errand.wish = thing.wish
    return errand


def made(name: str) -> Process[Errand, Asked]:
    """A process that takes what was asked, and reminds of it later."""

    def react(errand: Errand, thing: Asked | Answered | Rang) -> Iterator[Order | SetTimer | End]:
        match thing:
            case Asked(wish=wish):
                yield Order(stock, wish, Take(wish=wish, by=name), name="take")
                yield SetTimer("late", after=timedelta(seconds=LATE))
            case Rang():
                yield Order(stock, errand.wish, Remind(wish=errand.wish, by=name), name="remind")
            case Answered(order="remind"):
                yield End("done")
            case Answered():
                pass

    return Process(name, Errand, key, evolve, react, starts=[Asked], orders=[stock])


first = made("first")
second = made("second")
DONE = sorted(f"{what} by {who}" for what in ("Taken", "Reminded") for who in ("first", "second"))
"""What is done about each wish, each thing once."""
