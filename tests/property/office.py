"""The domain of the property test: every kind of rule, on few things, so that people meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from comity.engine import (
    Clash,
    Command,
    Decider,
    Event,
    Key,
    Rejected,
    give_way,
    overwrite,
)

SEATS = 3


class Label(Command):
    """Refused when somebody else labelled the thing meanwhile."""

    thing: Key[str]
    label: str


class Place(Command):
    """The last one wins."""

    thing: Key[str]
    place: str
    on_conflict = overwrite


class Discard(Command):
    """Gives way to whoever touched the thing."""

    thing: Key[str]
    on_conflict = give_way


class Like(Command):
    """Likes commute."""

    thing: Key[str]
    likes: int


class TakeTicket(Command):
    """Takes the next free number when its own is gone."""

    ticket: int

    def on_conflict(self, clash: Clash[Office], /) -> Self | None:
        return self.model_copy(update={"ticket": max(clash.state.tickets, default=0) + 1})


class Sit(Command):
    """Touches its own seat only; how many may sit is a business rule."""

    person: Key[str]


class Rise(Command):
    """Gives a seat back."""

    person: Key[str]


class Labelled(Event):
    thing: Key[str]
    label: str


class Placed(Event):
    thing: Key[str]
    place: str


class Discarded(Event):
    thing: Key[str]


class Liked(Event):
    thing: Key[str]
    likes: int
    commutes = True


class TicketTaken(Event):
    ticket: int


class Seated(Event):
    person: Key[str]


class Risen(Event):
    person: Key[str]


OfficeCommand = Label | Place | Discard | Like | TakeTicket | Sit | Rise
OfficeEvent = Labelled | Placed | Discarded | Liked | TicketTaken | Seated | Risen


@dataclass
class Office:
    """Labels, places, likes, tickets and who sits."""

    labels: dict[str, str] = field(default_factory=dict[str, str])
    places: dict[str, str] = field(default_factory=dict[str, str])
    likes: dict[str, int] = field(default_factory=dict[str, int])
    tickets: set[int] = field(default_factory=set[int])
    seated: set[str] = field(default_factory=set[str])


def decide(office: Office, command: OfficeCommand) -> Iterator[OfficeEvent]:
    """What a command comes to."""
    match command:
        case Label(thing=thing, label=label):
            if office.labels.get(thing) != label:
                yield Labelled(thing=thing, label=label)
        case Place(thing=thing, place=place):
            if office.places.get(thing) != place:
                yield Placed(thing=thing, place=place)
        case Discard(thing=thing):
            if thing in office.labels or thing in office.places or thing in office.likes:
                yield Discarded(thing=thing)
        case Like(thing=thing, likes=likes):
            yield Liked(thing=thing, likes=likes)
        case TakeTicket(ticket=ticket):
            if ticket in office.tickets:
                msg = f"ticket {ticket} is gone"
                raise Rejected(msg)
            yield TicketTaken(ticket=ticket)
        case Sit(person=person):
            if person not in office.seated:
                if len(office.seated) >= SEATS:
                    msg = "all seats are taken"
                    raise Rejected(msg)
                yield Seated(person=person)
        case Rise(person=person):
            if person in office.seated:
                yield Risen(person=person)


def evolve(office: Office, event: OfficeEvent) -> Office:
    """The office after an event."""
    match event:
        case Labelled(thing=thing, label=label):
            office.labels[thing] = label
        case Placed(thing=thing, place=place):
            office.places[thing] = place
        case Discarded(thing=thing):
            for part in (office.labels, office.places, office.likes):
                part.pop(thing, None)
        case Liked(thing=thing, likes=likes):
            office.likes[thing] = office.likes.get(thing, 0) + likes
        case TicketTaken(ticket=ticket):
            office.tickets.add(ticket)
        case Seated(person=person):
            office.seated.add(person)
        case Risen(person=person):
            office.seated.discard(person)
    return office


office = Decider("office", Office, decide, evolve)
