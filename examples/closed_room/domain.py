"""Rooms, and bookings of them. Each booking is an aggregate of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from comity.engine import Command, Decider, Event, Rejected


class Book(Command):
    room: str
    who: str


class CancelBooking(Command):
    reason: str


class Booked(Event):
    room: str
    who: str


class BookingCancelled(Event):
    room: str
    who: str
    reason: str


@dataclass
class Booking:
    room: str = ""
    who: str = ""
    open: bool = False


def decide_booking(
    booking: Booking, command: Book | CancelBooking
) -> Iterator[Booked | BookingCancelled]:
    match command:
        case Book(room=room, who=who):
            if booking.room:
                raise Rejected("this booking was made before")
            yield Booked(room=room, who=who)
        case CancelBooking(reason=reason):
            if booking.open:
                yield BookingCancelled(room=booking.room, who=booking.who, reason=reason)


def evolve_booking(booking: Booking, event: Booked | BookingCancelled) -> Booking:
    match event:
        case Booked(room=room, who=who):
            return Booking(room, who, open=True)
        case BookingCancelled():
            booking.open = False
            return booking


bookings = Decider("booking", Booking, decide_booking, evolve_booking)


class CloseRoom(Command):
    reason: str


class ReportCleared(Command):
    cancelled: int


class RoomClosed(Event):
    reason: str


class RoomCleared(Event):
    cancelled: int


RoomCommand: TypeAlias = CloseRoom | ReportCleared
RoomEvent: TypeAlias = RoomClosed | RoomCleared


def decide_room(closed: str, command: RoomCommand) -> Iterator[RoomEvent]:
    match command:
        case CloseRoom(reason=reason):
            if not closed:
                yield RoomClosed(reason=reason)
        case ReportCleared(cancelled=cancelled):
            yield RoomCleared(cancelled=cancelled)


def evolve_room(closed: str, event: RoomEvent) -> str:
    match event:
        case RoomClosed(reason=reason):
            return reason
        case RoomCleared():
            return closed


rooms = Decider("room", str, decide_room, evolve_room)
