"""A process that is right: both checkers pass it. The mistakes beside it vary it by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from tests.typing.board import AddCard, RenameCard, board

from comity.engine import (
    Answered,
    CancelTimer,
    End,
    Event,
    Heard,
    Order,
    Process,
    Rang,
    SetTimer,
)
from comity.testing import answered, given, rang, refused


class TripRequested(Event):
    trip: str


class TripChanged(Event):
    trip: str


TripEvent: TypeAlias = TripRequested | TripChanged
Thing: TypeAlias = TripEvent | Answered | Rang


@dataclass
class Trip:
    booked: list[str] = field(default_factory=list[str])


def key(event: TripEvent) -> str | None:
    return event.trip


def key_by_place(event: TripEvent, heard: Heard) -> str | None:
    return heard.aggregate.key


def evolve(trip: Trip, thing: Thing) -> Trip:
    match thing:
        case TripRequested() | TripChanged():
            pass
        case Answered(order=order, refused=False):
            trip.booked.append(order)
        case Answered() | Rang():
            pass
    return trip


def evolve_by_time(trip: Trip, thing: Thing, heard: Heard) -> Trip:
    trip.booked.append(heard.time.isoformat())
    return trip


def react(trip: Trip, thing: Thing) -> Iterator[Order | SetTimer | CancelTimer | End]:
    match thing:
        case TripRequested(trip=id):
            yield Order(board, id, AddCard(card="c1", title="Fly"), name="card", seen=3)
            yield SetTimer("late", after=timedelta(hours=1))
        case TripChanged(trip=id):
            yield Order(board, id, RenameCard(card="c1", title="Sail"))
        case Answered(refused=True, reason=reason):
            yield CancelTimer("late")
            yield End(reason)
        case Answered() | Rang():
            yield End()


def react_by_place(trip: Trip, thing: Thing, heard: Heard) -> Iterator[End]:
    yield End(heard.key)


trip = Process("trip", Trip, key, evolve, react, starts=[TripRequested], orders=[board])
by_place = Process(
    "by_place", Trip, key_by_place, evolve_by_time, react_by_place, starts=(TripRequested,)
)


def story() -> Trip:
    told = given(trip, TripRequested(trip="t1")).when(answered("card")).then(End())
    told.when(refused("card", "no")).when(rang("late")).then()
    return told.state
