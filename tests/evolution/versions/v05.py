"""Version 5: a booking says for how many people. Version 4 goes on beside it."""

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
    people: int = 1


class Star(Command):
    booking: Key[str]


def start_and_length(day: date, hours: int) -> Fields:
    """From version 1 to 2: bookings used to begin at nine."""
    return {"start": datetime.combine(day, time(9), UTC), "length": timedelta(hours=hours)}


def people_from_note(note: str = "") -> Fields:
    """From version 2 to 3: people used to write "for 12" into the note."""
    word = note.removeprefix("for ")
    return {"note": note, "people": int(word) if word.isdecimal() and len(word) < 4 else 1}


class RoomBooked(Event):
    booking: Key[str]
    guest: Annotated[str, StoredAs("who")]
    start: datetime
    length: timedelta
    note: str
    people: int
    stored_as = "Booked"
    schema_version = 3
    upcasts = {1: start_and_length, 2: people_from_note}
    readable_from = 2


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
    people: int


@dataclass
class Room:
    bookings: dict[str, Booking] = field(default_factory=dict[str, Booking])
    stars: int = 0


def decide(room: Room, command: RoomCommand) -> Iterator[RoomEvent]:
    match command:
        case Book(booking=booking):
            if booking in room.bookings:
                raise Rejected(f"{booking} is taken")
            yield RoomBooked(
                booking=booking,
                guest=command.guest,
                start=datetime.combine(command.day, time(9), UTC),
                length=timedelta(hours=command.hours),
                note=command.note,
                people=command.people,
            )
        case Star(booking=booking):
            if booking in room.bookings:
                yield Starred(booking=booking)


def evolve(room: Room, event: RoomEvent) -> Room:
    match event:
        case RoomBooked():
            room.bookings[event.booking] = Booking(
                event.guest, event.start, event.length, event.note, event.people
            )
        case Starred():
            room.stars += 1
    return room


room = Decider("room", Room, decide, evolve)
