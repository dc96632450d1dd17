"""Version 10: each booking is an aggregate of its own. The journal is written anew for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from comity.engine import (
    AggregateId,
    Command,
    Decider,
    Event,
    Fields,
    Key,
    Rejected,
    Sent,
    StoredAs,
)
from comity.evolution import JournalRecord


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


@dataclass
class Booking:
    guest: str = ""
    people: int = 0


LONGEST = timedelta(hours=8)
RULE_FROM = datetime(2020, 6, 1, tzinfo=UTC)


def decide(booking: Booking, command: BookRoom, sent: Sent) -> Iterator[RoomBooked]:
    if booking.guest:
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


def evolve(booking: Booking, event: RoomBooked) -> Booking:
    return Booking(event.guest, event.people)


booking = Decider("booking", Booking, decide, evolve, rules_revision="eight-hours")


def each_on_its_own(record: JournalRecord) -> Iterator[JournalRecord]:
    """Move each booking to an aggregate of its own, and leave the stars out."""
    booked = [event for event in record.events if event.name == "Booked"]
    if booked:
        record = record.to(AggregateId("booking", str(booked[0].fields["booking"])))
    yield record.with_events(*booked)
