"""Version 4: a booking has a start and a length. Version 3 cannot read such events, and stops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from annotated_types import Ge, Le

from comity.engine import Command, Decider, Event, Fields, Key, Rejected, StoredAs

Hours = Annotated[int, Ge(1), Le(24)]


class Book(Command):
    booking: Key[str]
    guest: Annotated[str, StoredAs("who")]
    day: date
    hours: Hours
    note: str = ""


class Star(Command):
    booking: Key[str]


def start_and_length(day: date, hours: int) -> Fields:
    """From version 1 to 2: bookings used to begin at nine."""
    return {"start": datetime.combine(day, time(9), UTC), "length": timedelta(hours=hours)}


class RoomBooked(Event):
    booking: Key[str]
    guest: Annotated[str, StoredAs("who")]
    start: datetime
    length: timedelta
    note: str = ""
    stored_as = "Booked"
    schema_version = 2
    upcasts = {1: start_and_length}


class Starred(Event):
    booking: Key[str]


RoomCommand = Book | Star
RoomEvent = RoomBooked | Starred


@dataclass
class Booking:
    guest: str
    start: datetime
    length: timedelta
    note: str


@dataclass
class Room:
    bookings: dict[str, Booking] = field(default_factory=dict[str, Booking])
    stars: int = 0


def decide(room: Room, command: RoomCommand) -> Iterator[RoomEvent]:
    match command:
        case Book(booking=booking, guest=guest, note=note):
            if booking in room.bookings:
                raise Rejected(f"{booking} is taken")
            start = datetime.combine(command.day, time(9), UTC)
            length = timedelta(hours=command.hours)
            yield RoomBooked(booking=booking, guest=guest, start=start, length=length, note=note)
        case Star(booking=booking):
            if booking in room.bookings:
                yield Starred(booking=booking)


def evolve(room: Room, event: RoomEvent) -> Room:
    match event:
        case RoomBooked(booking=booking, guest=guest, start=start, length=length, note=note):
            room.bookings[booking] = Booking(guest, start, length, note)
        case Starred():
            room.stars += 1
    return room


room = Decider("room", Room, decide, evolve)
