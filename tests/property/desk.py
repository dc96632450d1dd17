"""A desk that several people share: a text to type into, and a command for each kind of rule.

Its own rules write down what they were given, so that the events tell it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from annotated_types import Ge, Len

from comity.engine import (
    At,
    Authors,
    Clash,
    Command,
    Conflicted,
    Decider,
    Event,
    Key,
    Rejected,
    Sent,
    give_way,
    overwrite,
    transform,
)

Place = Annotated[int, Ge(0)]


def move(message: Message, over: Message, authors: Authors) -> Message | None:
    """Where an edit goes once the other one has happened; nothing is left of a second cut."""
    if not isinstance(message, (Type, Cut, Typed, Gone)):
        return message
    at = message.at
    if isinstance(over, (Type, Typed)):
        first = isinstance(message, (Type, Typed)) and authors.message < authors.over
        if over.at < at or (over.at == at and not first):
            at += len(over.text)
    elif isinstance(over, (Cut, Gone)):
        if over.at == at and isinstance(message, (Cut, Gone)):
            return None
        at -= over.at < at
    return message if at == message.at else message.model_copy(update={"at": at})


class Type(Command):
    """An event for each character, so that a command may have several."""

    at: Place
    text: Annotated[str, Len(1, 3)]
    touches = "text"
    on_conflict = transform(move)


class Cut(Command):
    """Takes a character away; another rule of the same kind, on the same path."""

    at: Place
    touches = "text"
    on_conflict = transform(move)


class Ask(Command):
    """Says what its rule was given."""

    about: Key[str]
    told: str = ""
    touches = ("{about}", "asked/{about}")

    def on_conflict(self, clash: Clash[Desk], /) -> Command | None:
        if len(clash.clashing) > 9:
            raise TooMany(f"{len(clash.clashing)} changes by {', '.join(clash.who)}")
        if len(clash.since) % 7 == 6:
            raise NEVER
        if len(clash.unseen) % 5 == 4:
            return None
        if len(clash.clashing) == 3:
            return Vote(votes=len(clash.since))
        one, other = describe(clash), clash.state
        return self.model_copy(update={"told": f"{one} on {other}"})


class Claim(Command):
    """Refused where it clashes: the default."""

    drawer: Key[str]
    touches = "{drawer}/owner"


class Paint(Command):
    """The last one wins."""

    colour: str
    on_conflict = overwrite


class Name(Command):
    """The first one wins."""

    name: str
    on_conflict = give_way


class Vote(Command):
    """In any order with other votes."""

    votes: int
    touches = "budget"


class Spend(Command):
    """In any order with votes; refused where it is too much."""

    amount: int
    touches = "budget"
    depends_on = "name"


class Typed(Event):
    at: int
    text: str
    touches = "text"


class Gone(Event):
    at: int
    touches = "text"


class Asked(Event):
    about: Key[str]
    told: str
    touches = ("{about}", "asked/{about}")


class Claimed(Event):
    drawer: Key[str]
    owner: str


class Painted(Event):
    colour: str


class Named(Event):
    name: str


class Voted(Event):
    votes: int
    touches = "budget"
    commutes = True


class Spent(Event):
    amount: int
    touches = "budget"
    commutes = (Voted,)


DeskCommand: TypeAlias = Type | Cut | Ask | Claim | Paint | Name | Vote | Spend
DeskEvent: TypeAlias = Typed | Gone | Asked | Claimed | Painted | Named | Voted | Spent
Message: TypeAlias = DeskCommand | DeskEvent


class TooMany(Conflicted):
    """A refusal of the domain's own, by a rule."""


class TooMuch(Rejected):
    """A refusal of the domain's own, with fields."""

    def __init__(self, amount: int, budget: int) -> None:
        super().__init__(f"{amount} is more than {budget}", amount=amount, budget=budget)


NEVER = Rejected("never")
"""Raised again and again, as a constant."""


@dataclass
class Desk:
    text: str = ""
    asked: list[str] = field(default_factory=list[str])
    drawers: dict[str, str] = field(default_factory=dict[str, str])
    colour: str = ""
    name: str = ""
    budget: int = 3


def decide(desk: Desk, command: DeskCommand, sent: Sent) -> Iterator[DeskEvent]:
    match command:
        case Type(at=at, text=text):
            if at > len(desk.text):
                raise Rejected(f"the text has {len(desk.text)} characters, not {at}")
            for place, character in enumerate(text, at):
                yield Typed(at=place, text=character)
        case Cut(at=at):
            if at >= len(desk.text):
                raise NEVER
            yield Gone(at=at)
        case Ask(about=about, told=told):
            yield Asked(about=about, told=told)
        case Claim(drawer=drawer):
            owner = desk.drawers.get(drawer)
            if owner not in (None, sent.who):
                raise Rejected(f"{drawer} belongs to {owner}, not to {sent.who} in {sent.session}")
            if owner is None:
                yield Claimed(drawer=drawer, owner=sent.who)
        case Paint(colour=colour):
            if desk.colour != colour:
                yield Painted(colour=colour)
        case Name(name=name):
            if desk.name != name:
                yield Named(name=name)
        case Vote(votes=votes):
            yield Voted(votes=votes)
        case Spend(amount=amount):
            if amount > desk.budget:
                raise TooMuch(amount, desk.budget)
            yield Spent(amount=amount)


def evolve(desk: Desk, event: DeskEvent, at: At) -> Desk:
    match event:
        case Typed(at=place, text=text):
            desk.text = desk.text[:place] + text + desk.text[place:]
        case Gone(at=place):
            desk.text = desk.text[:place] + desk.text[place + 1 :]
        case Asked(about=about):
            desk.asked.append(f"{about} at {at.version} of {at.aggregate} by {at.who} {at.session}")
        case Claimed(drawer=drawer, owner=owner):
            desk.drawers[drawer] = owner
        case Painted(colour=colour):
            desk.colour = colour
        case Named(name=name):
            desk.name = name
        case Voted(votes=votes):
            desk.budget += votes
        case Spent(amount=amount):
            desk.budget -= amount
    return desk


def describe(clash: Clash[Desk]) -> str:
    """All that a rule can see, in a few words."""
    since = [
        (one.version, str(one.event)[:40], one.who, one.session, str(one.written), one.written_on)
        for one in clash.since
    ]
    clashing = [one.version for one in clash.clashing]
    unseen = [one.version for one in clash.unseen]
    return f"{clash.sent[:3]} {clash.who} {clashing} at {clash.paths} of {unseen}: {since}"


desk = Decider("desk", Desk, decide, evolve)
