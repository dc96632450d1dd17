"""A small domain for tests of processes: planes, hotels and cars, and trips that book places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from comity.actors import Domain
from comity.engine import (
    Answered,
    CancelTimer,
    Command,
    Decider,
    End,
    Event,
    Heard,
    Key,
    Order,
    Process,
    Rang,
    Rejected,
    SetTimer,
)
from comity.engine.merging.decider import AggregateType


class Reserve(Command):
    """Take a place for a trip."""

    trip: Key[str]


class GiveBack(Command):
    """Give the place of a trip back."""

    trip: Key[str]


class Reserved(Event):
    """A place was taken."""

    trip: Key[str]


class GivenBack(Event):
    """A place was given back."""

    trip: Key[str]


@dataclass
class Vessel:
    """A plane, hotel or car, with a few places."""

    trips: list[str] = field(default_factory=list[str])


def decide(vessel: Vessel, command: Reserve | GiveBack) -> Iterator[Reserved | GivenBack]:
    """A vessel has two places."""
    misbehave(f"vessel {command.trip}")
    match command:
        case Reserve(trip=trip):
            if len(vessel.trips) >= PLACES:
                raise Full(PLACES)
            yield Reserved(trip=trip)
        case GiveBack(trip=trip):
            if trip in vessel.trips:
                yield GivenBack(trip=trip)


def evolve(vessel: Vessel, event: Reserved | GivenBack) -> Vessel:
    """Count the trips: each reservation that took effect is there."""
    match event:
        case Reserved(trip=trip):
            vessel.trips.append(trip)
        case GivenBack(trip=trip):
            vessel.trips.remove(trip)
    return vessel


PLACES = 2
CROWD = 600
"""Timers that "crowd" sets."""


class Full(Rejected):
    """All places are taken."""

    def __init__(self, places: int) -> None:
        super().__init__(f"all {places} places are taken", places=places)


vessels = Decider("vessel", Vessel, decide, evolve)


class Ask(Command):
    """Ask for a trip; ask again to go on with it, or to stop it."""

    word: str = "please"
    places: tuple[str, ...] = ()
    touches = "wishes"


class Asked(Event):
    """Somebody has asked for a trip."""

    word: str
    places: tuple[str, ...]
    touches = "wishes"


class Said(Event):
    """Somebody has said something more about a trip."""

    word: str
    touches = "wishes"


def ask(asked: int, command: Ask) -> Iterator[Asked | Said]:
    """The first time is a wish, the others are words about it."""
    if command.word in ("please", "anew"):
        yield Asked(word=command.word, places=command.places)
    else:
        yield Said(word=command.word)


def count(asked: int, event: Asked | Said) -> int:
    """Count what was said."""
    return asked + 1


wishes = Decider("wish", int, ask, count)


@dataclass
class Trip:
    """What is booked, and what was said."""

    places: list[str] = field(default_factory=list[str])
    booked: list[str] = field(default_factory=list[str])
    words: list[str] = field(default_factory=list[str])
    rang: int = 0


TripThing: TypeAlias = Asked | Said | Answered | Rang
MISCHIEF: dict[str, Callable[[], object]] = {}
"""What a test wants to happen, by the place in the code."""


def misbehave(place: str) -> None:
    """Do what the test wants to happen here."""
    if place in MISCHIEF:
        MISCHIEF[place]()


def key(event: Asked | Said, heard: Heard) -> str | None:
    """A trip has the key of its wish; nobody books for nobody."""
    misbehave(f"key {heard.aggregate.key}")
    return None if heard.aggregate.key == "nobody" else heard.aggregate.key


def hear(trip: Trip, thing: TripThing, heard: Heard) -> Trip:
    """Note what was heard."""
    match thing:
        case Asked(places=places, word=word):
            trip.places = list(places)
            trip.words.append(word)
        case Said(word=word):
            trip.words.append(word)
        case Answered(order="book", refused=False):
            trip.booked.append(thing.aggregate.key)
        case Answered(order="undo"):
            trip.booked.remove(thing.aggregate.key)
        case Rang():
            trip.rang += 1
        case _:
            pass
    return trip


def react(
    trip: Trip, thing: TripThing, heard: Heard
) -> Iterator[Order | SetTimer | CancelTimer | End]:
    """Book one place after the other; give all back if one is refused."""
    misbehave(f"react {heard.key}")
    match thing:
        case Answered(order="book", refused=True):
            for place in trip.booked:
                yield Order(vessels, place, GiveBack(trip=heard.key), name="undo")
            if not trip.booked:
                yield End("nothing booked")
        case Answered(order="undo"):
            if not trip.booked:
                yield End("all given back")
        case Asked() | Answered(order="book"):
            left = trip.places[len(trip.booked) :]
            if left:
                yield Order(vessels, left[0], Reserve(trip=heard.key), name="book")
            elif trip.places:
                yield End("booked")
        case Said(word="remind"):
            yield SetTimer("reminder", after=timedelta(hours=3))
        case Said(word="soon"):
            yield SetTimer("reminder", after=timedelta(seconds=0.2))
        case Said(word="crowd"):
            for number in range(CROWD):
                yield SetTimer(f"t{number}", after=timedelta(hours=-3))
        case Said(word="loop") | Answered(order="loop"):
            yield Order(vessels, "loop", GiveBack(trip="nobody"), name="loop")
        case Said(word="late"):
            yield SetTimer("reminder", after=timedelta(hours=-3))
        case Said(word="forget"):
            yield CancelTimer("reminder")
        case Said(word="enough"):
            yield End("enough")
        case _:
            pass


trip = Process("trip", Trip, key, hear, react, starts=[Asked], orders=[vessels], most_steps=50)
DECIDERS: list[AggregateType] = [vessels, wishes]


def wish(domain: Domain, name: str, *places: str, word: str = "please") -> int:
    """Ask for a trip, and return the position."""
    asked = domain.aggregate(wishes, name)
    return asked.send(Ask(word=word, places=places)).result(10).position
