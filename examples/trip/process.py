"""The trip: it books a flight, a hotel and a car. If one is refused, it cancels the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from examples.trip.domain import (
    CallOffTrip,
    Cancel,
    ConfirmTrip,
    Reserve,
    TripRequested,
    cars,
    flights,
    hotels,
    journeys,
)

from comity.engine import Answered, End, Heard, Order, Process, Rang

PLACES: Final = {"flight": flights, "hotel": hotels, "car": cars}

TripThing: TypeAlias = TripRequested | Answered | Rang
"""What the process hears."""


@dataclass
class Trip:
    wanted: dict[str, str] = field(default_factory=dict[str, str])
    """Which flight, hotel and car."""
    asked: int = 0
    """How many of them have not answered yet."""
    booked: list[str] = field(default_factory=list[str])
    reason: str = ""
    """Why the trip cannot be."""


def key(event: TripRequested, heard: Heard) -> str:
    return heard.aggregate.key


def evolve(trip: Trip, thing: TripThing) -> Trip:
    match thing:
        case TripRequested(flight=flight, hotel=hotel, car=car):
            trip.wanted = {"flight": flight, "hotel": hotel, "car": car}
            trip.asked = len(trip.wanted)
        case Answered(command=Reserve(), order=what, refused=refused, reason=reason):
            trip.asked -= 1
            if refused:
                trip.reason = trip.reason or f"{what} {reason}"
            else:
                trip.booked.append(what)
        case Answered(command=Cancel(), order=what):
            trip.booked.remove(what)
        case _:
            pass
    return trip


def react(trip: Trip, thing: TripThing, heard: Heard) -> Iterator[Order | End]:
    match thing:
        case TripRequested():
            for what, which in trip.wanted.items():
                yield Order(PLACES[what], which, Reserve(trip=heard.key), name=what)
        case Answered(command=Reserve()) if trip.asked == 0:
            if not trip.reason:
                yield Order(journeys, heard.key, ConfirmTrip())
                yield End("booked")
            for what in trip.booked if trip.reason else ():
                yield Order(PLACES[what], trip.wanted[what], Cancel(trip=heard.key), name=what)
            if trip.reason and not trip.booked:
                yield from call_off(trip, heard)
        case Answered(command=Cancel()) if not trip.booked:
            yield from call_off(trip, heard)
        case _:
            pass


def call_off(trip: Trip, heard: Heard) -> Iterator[Order | End]:
    yield Order(journeys, heard.key, CallOffTrip(reason=trip.reason))
    yield End(trip.reason)


trip = Process(
    "trip", Trip, key, evolve, react,
    starts=[TripRequested], orders=[flights, hotels, cars, journeys], start="beginning",
)  # fmt: skip
