"""Version 1: people book a room for some hours of a day, and star the bookings that they like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from annotated_types import Ge, Le

from comity.engine import Command, Decider, Event, Key, Rejected

Hours = Annotated[int, Ge(1), Le(24)]


class Book(Command):
    booking: Key[str]
    who: str
    day: date
    hours: Hours


class Star(Command):
    booking: Key[str]


class Booked(Event):
    booking: Key[str]
    who: str
    day: date
    hours: Hours


class Starred(Event):
    booking: Key[str]


RoomCommand = Book | Star
RoomEvent = Booked | Starred


@dataclass
class Room:
    guests: dict[str, str] = field(default_factory=dict[str, str])
    stars: int = 0


def decide(room: Room, command: RoomCommand) -> Iterator[RoomEvent]:
    match command:
        case Book(booking=booking, who=who, day=day, hours=hours):
            if booking in room.guests:
                raise Rejected(f"{booking} is taken")
            yield Booked(booking=booking, who=who, day=day, hours=hours)
        case Star(booking=booking):
            if booking in room.guests:
                yield Starred(booking=booking)


def evolve(room: Room, event: RoomEvent) -> Room:
    match event:
        case Booked(booking=booking, who=who):
            room.guests[booking] = who
        case Starred():
            room.stars += 1
    return room


room = Decider("room", Room, decide, evolve)
