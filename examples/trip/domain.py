"""What a trip needs: journeys that people ask for; flights, hotels and cars with few places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from comity.engine import Command, Decider, Event, Key, Rejected

# --- a flight, a hotel or a car rental: it has a few places ---------------------------------------


class OpenPlaces(Command):
    places: int


class Reserve(Command):
    trip: Key[str]


class Cancel(Command):
    trip: Key[str]


class PlacesOpened(Event):
    places: int


class Reserved(Event):
    trip: Key[str]


class Cancelled(Event):
    trip: Key[str]


PlaceCommand: TypeAlias = OpenPlaces | Reserve | Cancel
PlaceEvent: TypeAlias = PlacesOpened | Reserved | Cancelled


@dataclass
class Places:
    places: int = 0
    trips: list[str] = field(default_factory=list[str])


def decide_places(all_: Places, command: PlaceCommand) -> Iterator[PlaceEvent]:
    match command:
        case OpenPlaces(places=places):
            yield PlacesOpened(places=places)
        case Reserve(trip=trip):
            if trip in all_.trips:
                return
            if len(all_.trips) >= all_.places:
                raise Rejected("sold out")
            yield Reserved(trip=trip)
        case Cancel(trip=trip):  # never refused: what undoes something must always be possible
            if trip in all_.trips:
                yield Cancelled(trip=trip)


def evolve_places(all_: Places, event: PlaceEvent) -> Places:
    match event:
        case PlacesOpened(places=places):
            all_.places += places
        case Reserved(trip=trip):
            all_.trips.append(trip)
        case Cancelled(trip=trip):
            all_.trips.remove(trip)
    return all_


flights = Decider("flight", Places, decide_places, evolve_places)
hotels = Decider("hotel", Places, decide_places, evolve_places)
cars = Decider("car", Places, decide_places, evolve_places)


# --- a journey that somebody asks for -------------------------------------------------------------


class AskForTrip(Command):
    flight: str
    hotel: str
    car: str


class ConfirmTrip(Command):
    pass


class CallOffTrip(Command):
    reason: str


class TripRequested(Event):
    flight: str
    hotel: str
    car: str


class TripConfirmed(Event):
    pass


class TripCalledOff(Event):
    reason: str


JourneyCommand: TypeAlias = AskForTrip | ConfirmTrip | CallOffTrip
JourneyEvent: TypeAlias = TripRequested | TripConfirmed | TripCalledOff


def decide_journey(status: str, command: JourneyCommand) -> Iterator[JourneyEvent]:
    match command:
        case AskForTrip(flight=flight, hotel=hotel, car=car):
            if status:
                raise Rejected("this trip was asked for before")
            yield TripRequested(flight=flight, hotel=hotel, car=car)
        case ConfirmTrip():
            if status == "requested":
                yield TripConfirmed()
        case CallOffTrip(reason=reason):
            if status == "requested":
                yield TripCalledOff(reason=reason)


def evolve_journey(status: str, event: JourneyEvent) -> str:
    match event:
        case TripRequested():
            return "requested"
        case TripConfirmed():
            return "confirmed"
        case TripCalledOff(reason=reason):
            return f"called off: {reason}"


journeys = Decider("journey", str, decide_journey, evolve_journey)
