"""A small process: a trip needs a seat, then a room. And its instances, without a domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from comity.engine import (
    AggregateId,
    Answered,
    At,
    CancelTimer,
    Command,
    Decider,
    End,
    Event,
    Order,
    Process,
    Rang,
    Recorded,
    Refused,
    Rejected,
    Sent,
    SetTimer,
)
from comity.engine.merging.merge import decide
from comity.engine.merging.report import Outcome
from comity.engine.processes.commands import EndByHand, ProcessCommand, Ring, TakeAnswer
from comity.engine.processes.events import OrderGiven, ProcessEvent
from comity.engine.processes.instance import Instance

S = TypeVar("S")
E = TypeVar("E", bound=Event)

START = 1_800_000_000_000_000
"""When the first thing happens: microseconds since 1970. Each next one is a second later."""


class Reserve(Command):
    trip: str


class Cancel(Command):
    trip: str


class Reserved(Event):
    trip: str


class Cancelled(Event):
    trip: str


def decide_seats(taken: set[str], command: Reserve | Cancel) -> Iterator[Reserved | Cancelled]:
    match command:
        case Reserve(trip=trip):
            if len(taken) > 1:
                raise Rejected("full")
            yield Reserved(trip=trip)
        case Cancel(trip=trip):
            yield Cancelled(trip=trip)


def evolve_seats(taken: set[str], event: Reserved | Cancelled) -> set[str]:
    match event:
        case Reserved(trip=trip):
            taken.add(trip)
        case Cancelled(trip=trip):
            taken.discard(trip)
    return taken


seats = Decider("seats", set[str], decide_seats, evolve_seats)
rooms = Decider("rooms", set[str], decide_seats, evolve_seats)


class Wanted(Event):
    trip: str
    seat: str = "LH1"
    room: str = "Ritz"


class Hurried(Event):
    trip: str


TripEvent = Wanted | Hurried


@dataclass
class Trip:
    room: str = ""
    done: list[str] = field(default_factory=list[str])


def key(event: TripEvent) -> str | None:
    return event.trip or None


def evolve(trip: Trip, thing: TripEvent | Answered | Rang) -> Trip:
    match thing:
        case Wanted(room=room):
            trip.room = room
        case Hurried():
            trip.done.append("hurry")
        case Answered(order=order, refused=refused):
            trip.done.append(f"no {order}" if refused else order)
        case Rang(timer=timer):
            trip.done.append(timer)
    return trip


def react(
    trip: Trip, thing: TripEvent | Answered | Rang
) -> Iterator[Order | SetTimer | CancelTimer | End]:
    match thing:
        case Wanted(trip=id, seat=seat):
            yield Order(seats, seat, Reserve(trip=id), name="seat")
            yield SetTimer("late", after=timedelta(hours=1))
        case Answered(order="seat", refused=False, command=Reserve(trip=id)):
            yield Order(rooms, trip.room, Reserve(trip=id), name="room")
        case Answered():
            yield CancelTimer("late")
            yield End("done")
        case Hurried():
            yield SetTimer("late", after=timedelta(minutes=1))
        case Rang():
            yield End("too late")


trip = Process("trip", Trip, key, evolve, react, starts=[Wanted], orders=[seats, rooms])


def recorded(event: Event, position: int, hops: int = 0) -> Recorded[Event]:
    """The event as the journal gives it."""
    metadata = {"comity.hops": str(hops)} if hops else {}
    return Recorded(
        event, AggregateId("desk", "d1"), position, position, START + position * 1_000_000,
        "ann", "ann-1", "Ask", f"id-{position}", metadata, None,
    )  # fmt: skip


class Stepped(Generic[S, E]):
    """One instance, step by step, as an aggregate of the journal would do it."""

    def __init__(self, process: Process[S, E], key: str = "t1") -> None:
        self.process = process
        self.id = AggregateId(process.name, key)
        self.log: list[ProcessEvent] = []
        self.instance: Instance[S] = process.decider.initial()
        self._now = START

    def send(self, command: ProcessCommand) -> list[ProcessEvent]:
        """Decide a command, and apply its events; return them."""
        self._now += 1_000_000
        decider = self.process.decider
        events = decide(decider, self.instance, command, Sent(microseconds=self._now))
        for event in events:
            self.log.append(event)
            at = At(len(self.log), self._now, aggregate=self.id)
            self.instance = decider.evolve(self.instance, event, at)
        return list(events)

    def hear(self, event: E, position: int, hops: int = 0) -> list[ProcessEvent]:
        return self.send(self.process.hear(recorded(event, position, hops)))

    def answer(self, number: int, refusal: Refused | None = None) -> list[ProcessEvent]:
        if refusal is not None:
            return self.send(self.process.take_answer(number, refusal))
        return self.send(
            TakeAnswer(number=number, outcome=Outcome.APPLIED, version=1, position=90 + number)
        )

    def ring(self, name: str, number: int) -> list[ProcessEvent]:
        return self.send(Ring(name=name, number=number))

    def end(self, reason: str, upto: int = 0) -> list[ProcessEvent]:
        return self.send(EndByHand(reason=reason, upto=upto))

    @property
    def orders(self) -> list[OrderGiven]:
        """All orders that it gave."""
        return [event for event in self.log if isinstance(event, OrderGiven)]
