"""Version 8: a rule from a date on, no more than eight hours; and a read model of the bookings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from comity.engine import (
    Command,
    Decider,
    Event,
    Fields,
    Key,
    Recorded,
    Rejected,
    Sent,
    StoredAs,
)
from comity.readmodels import ReadModel, Row, Table


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


LONGEST = timedelta(hours=8)
RULE_FROM = datetime(2020, 6, 1, tzinfo=UTC)


def decide(room: Room, command: RoomCommand, sent: Sent) -> Iterator[RoomEvent]:
    if command.booking in room.bookings:
        raise Rejected(f"{command.booking} is taken")
    if sent.time >= RULE_FROM and command.length > LONGEST:
        raise Rejected("a room is booked for 8 hours at most")
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


room = Decider("room", Room, decide, evolve, retired=["Starred"], rules_revision="eight-hours")


class BookingRow(Row):
    booking: str
    guest: str


class Bookings(ReadModel[RoomEvent]):
    rows = Table(BookingRow, key=lambda row: row.booking)

    def project(self, event: RoomEvent, at: Recorded) -> None:
        self.rows.put(BookingRow(booking=event.booking, guest=event.guest))
