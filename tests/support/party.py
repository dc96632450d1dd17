"""A party that several people plan at once: the small domain of the engine's tests.

It has one command for each thing that merging can come to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Self

from annotated_types import Ge, Le, Len

from comity.engine import (
    Clash,
    Command,
    Decider,
    Event,
    Happened,
    Key,
    Rejected,
    give_way,
    overwrite,
)

Name = Annotated[str, Len(1, 50)]
Amount = Annotated[int, Ge(1), Le(1_000_000)]


class Invite(Command):
    """Refused where it clashes: the default."""

    guest: Key[str]
    name: Name


class Rename(Command):
    guest: Key[str]
    name: Name


class Uninvite(Command):
    """Clashes with whatever was done to the guest."""

    guest: Key[str]
    touches = ("guest/{guest}", "toasts/{guest}")


class Seat(Command):
    """Takes the next free seat where somebody was faster; a rule of its own, with the state."""

    guest: Key[str]
    seat: int
    touches = ("guest/{guest}/seat", "seats")

    def on_conflict(self, clash: Clash[Party], /) -> Self | None:
        if self.guest not in clash.state.names:
            return None
        taken = clash.state.seats.values()
        free = next(seat for seat in range(1, len(taken) + 2) if seat not in taken)
        return self.model_copy(update={"seat": free})


class Toast(Command):
    """Rests on the guest's name without changing it."""

    guest: Key[str]
    words: str
    touches = "toasts/{guest}"
    depends_on = "guest/{guest}/name"


class SetTheme(Command):
    """The last one wins."""

    theme: str
    on_conflict = overwrite


class SetPlace(Command):
    """The first one wins."""

    place: str
    on_conflict = give_way


class Chip(Command):
    """In any order with other chips."""

    amount: Amount
    touches = "kitty"


class Spend(Command):
    """In any order with chips, not with other spending."""

    amount: Amount
    touches = "kitty"


class Invited(Event):
    guest: Key[str]
    name: str


class Renamed(Event):
    guest: Key[str]
    name: str


class Uninvited(Event):
    guest: Key[str]
    touches = ("guest/{guest}", "toasts/{guest}")


class Seated(Event):
    guest: Key[str]
    seat: int
    touches = ("guest/{guest}/seat", "seats")


class Toasted(Event):
    guest: Key[str]
    words: str
    touches = "toasts/{guest}"


class ThemeSet(Event):
    theme: str


class PlaceSet(Event):
    place: str


class Chipped(Event):
    amount: int
    touches = "kitty"
    commutes = True


class Spent(Event):
    amount: int
    touches = "kitty"
    commutes = (Chipped,)


PartyCommand = Invite | Rename | Uninvite | Seat | Toast | SetTheme | SetPlace | Chip | Spend
PartyEvent = (
    Invited | Renamed | Uninvited | Seated | Toasted | ThemeSet | PlaceSet | Chipped | Spent
)


@dataclass
class Party:
    """What has been planned."""

    names: dict[str, str] = field(default_factory=dict[str, str])
    seats: dict[str, int] = field(default_factory=dict[str, int])
    toasts: dict[str, str] = field(default_factory=dict[str, str])
    theme: str = ""
    place: str = ""
    kitty: int = 0


class SeatTaken(Rejected):
    """A business error that carries fields."""

    def __init__(self, seat: int, guest: str) -> None:
        super().__init__(f"{guest} sits on seat {seat}", seat=seat, guest=guest)


# One branch for each message: noqa says that a match over a union is not complicated.
def decide(party: Party, command: PartyCommand) -> Iterator[PartyEvent]:
    """What a command comes to."""
    match command:
        case Invite(guest=guest, name=name):
            if guest not in party.names:
                yield Invited(guest=guest, name=name)
            elif party.names[guest] != name:
                raise Rejected(f"{guest} is invited already")
        case Rename(guest=guest, name=name):
            if name_of(party, guest) != name:
                yield Renamed(guest=guest, name=name)
        case Uninvite(guest=guest):
            if guest in party.names:
                yield Uninvited(guest=guest)
        case Seat(guest=guest, seat=seat):
            name_of(party, guest)
            yield from sit(party, guest, seat)
        case Toast(guest=guest, words=words):
            name_of(party, guest)
            if party.toasts.get(guest) != words:
                yield Toasted(guest=guest, words=words)
        case SetTheme(theme=theme):
            if party.theme != theme:
                yield ThemeSet(theme=theme)
        case SetPlace(place=place):
            if party.place != place:
                yield PlaceSet(place=place)
        case Chip(amount=amount):
            yield Chipped(amount=amount)
        case Spend(amount=amount):
            if amount > party.kitty:
                raise Rejected(f"there are {party.kitty} in the kitty, not {amount}")
            yield Spent(amount=amount)


def name_of(party: Party, guest: str) -> str:
    """The guest's name, if there is such a guest."""
    if guest not in party.names:
        raise Rejected(f"{guest} is not invited")
    return party.names[guest]


def sit(party: Party, guest: str, seat: int) -> Iterator[Seated]:
    """Put a guest on a seat that is free."""
    for other, taken in party.seats.items():
        if taken == seat and other != guest:
            raise SeatTaken(seat, other)
    if party.seats.get(guest) != seat:
        yield Seated(guest=guest, seat=seat)


def evolve(party: Party, event: PartyEvent) -> Party:
    """The party after an event; changed in place."""
    match event:
        case Invited(guest=guest, name=name) | Renamed(guest=guest, name=name):
            party.names[guest] = name
        case Uninvited(guest=guest):
            for of_guests in (party.names, party.seats, party.toasts):
                of_guests.pop(guest, None)
        case Seated(guest=guest, seat=seat):
            party.seats[guest] = seat
        case Toasted(guest=guest, words=words):
            party.toasts[guest] = words
        case ThemeSet(theme=theme):
            party.theme = theme
        case PlaceSet(place=place):
            party.place = place
        case Chipped(amount=amount):
            party.kitty += amount
        case Spent(amount=amount):
            party.kitty -= amount
    return party


party = Decider("party", Party, decide, evolve)


def happened(*events: PartyEvent, by: str = "bob", after: int = 0) -> list[Happened[PartyEvent]]:
    """What somebody did, from version after+1 on; their session is called as they are."""
    return [
        Happened(version, event, by, f"{by}'s session")
        for version, event in enumerate(events, after + 1)
    ]
