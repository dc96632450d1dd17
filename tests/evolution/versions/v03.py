"""Version 3: a class and a field get better names. Version 2 goes on beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from annotated_types import Ge, Le

from comity.engine import Command, Decider, Event, Key, Rejected, StoredAs

Hours = Annotated[int, Ge(1), Le(24)]


class Book(Command):
    booking: Key[str]
    guest: Annotated[str, StoredAs("who")]
    day: date
    hours: Hours
    note: str = ""


class Star(Command):
    booking: Key[str]


class RoomBooked(Event):
    booking: Key[str]
    guest: Annotated[str, StoredAs("who")]
    day: date
    hours: Hours
    note: str = ""
    stored_as = "Booked"
    readable_from = 1


class Starred(Event):
    booking: Key[str]


RoomCommand = Book | Star
RoomEvent = RoomBooked | Starred


@dataclass
class Room:
    guests: dict[str, str] = field(default_factory=dict[str, str])
    notes: dict[str, str] = field(default_factory=dict[str, str])
    stars: int = 0


def decide(room: Room, command: RoomCommand) -> Iterator[RoomEvent]:
    match command:
        case Book(booking=booking, guest=guest, day=day, hours=hours, note=note):
            if booking in room.guests:
                raise Rejected(f"{booking} is taken")
            yield RoomBooked(booking=booking, guest=guest, day=day, hours=hours, note=note)
        case Star(booking=booking):
            if booking in room.guests:
                yield Starred(booking=booking)


def evolve(room: Room, event: RoomEvent) -> Room:
    match event:
        case RoomBooked(booking=booking, guest=guest, note=note):
            room.guests[booking] = guest
            room.notes[booking] = note
        case Starred():
            room.stars += 1
    return room


room = Decider("room", Room, decide, evolve)
