"""The closing of a room: all its bookings are cancelled, also one that comes a moment too late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from examples.closed_room.domain import (
    Booked,
    BookingCancelled,
    CancelBooking,
    ReportCleared,
    RoomClosed,
    bookings,
    rooms,
)

from comity.engine import Answered, Heard, Order, Process, Rang

RoomNews: TypeAlias = Booked | BookingCancelled | RoomClosed


@dataclass
class Room:
    bookings: dict[str, None] = field(default_factory=dict[str, None])
    """The open bookings of the room, in the order in which they were made."""
    closed: str = ""
    """Why it is closed."""
    cancelled: int = 0


def key(event: RoomNews, heard: Heard) -> str:
    return heard.aggregate.key if isinstance(event, RoomClosed) else event.room


def evolve(room: Room, thing: RoomNews | Answered | Rang, heard: Heard) -> Room:
    match thing:
        case Booked():
            room.bookings[heard.aggregate.key] = None
        case BookingCancelled():
            room.bookings.pop(heard.aggregate.key, None)
            room.cancelled += bool(room.closed)
        case RoomClosed(reason=reason):
            room.closed = reason
        case Answered() | Rang():
            pass
    return room


def react(room: Room, thing: RoomNews | Answered | Rang, heard: Heard) -> Iterator[Order]:
    match thing:
        case RoomClosed(reason=reason):
            for booking in room.bookings:
                yield Order(bookings, booking, CancelBooking(reason=reason))
        case Booked() if room.closed:
            yield Order(bookings, heard.aggregate.key, CancelBooking(reason=room.closed))
        case BookingCancelled() if room.closed and not room.bookings:
            yield Order(rooms, heard.key, ReportCleared(cancelled=room.cancelled))
        case _:
            pass


closing = Process(
    "closing", Room, key, evolve, react,
    starts=[Booked, RoomClosed], orders=[bookings, rooms], start="beginning",
)  # fmt: skip
