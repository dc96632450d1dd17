"""Version 7: the command has a start and a length too. Old clients go on sending the old one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from comity.engine import Command, Decider, Event, Fields, Key, Rejected, StoredAs


def start_and_length(day: date, hours: int) -> Fields:
    """From version 1 to 2, of commands and events: bookings used to begin at nine."""
    return {"start": datetime.combine(day, time(9), UTC), "length": timedelta(hours=hours)}


class BookRoom(Command):
    booking: Key[str]
    guest: Annotated[str, StoredAs("who")]
    start: datetime
    length: timedelta
    note: str = ""
    people: int = 1
    stored_as = "Book"
    schema_version = 2
    upcasts = {1: start_and_length}


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


RoomCommand = BookRoom
RoomEvent = RoomBooked


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


def decide(room: Room, command: RoomCommand) -> Iterator[RoomEvent]:
    if command.booking in room.bookings:
        raise Rejected(f"{command.booking} is taken")
    yield RoomBooked(
        booking=command.booking,
        guest=command.guest,
        start=command.start,
        length=command.length,
        note=command.note,
        people=command.people,
    )


def evolve(room: Room, event: RoomEvent) -> Room:
    room.bookings[event.booking] = Booking(
        event.guest, event.start, event.length, event.note, event.people
    )
    return room


room = Decider("room", Room, decide, evolve, retired=["Starred"])
