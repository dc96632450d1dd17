"""What happened, for the judge: read from the journal, and from the ledger of the service."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from tests.crash.reaching.service import Request, read_ledger
from tests.crash.reaching.shop import (
    Bills,
    GiveBack,
    GivenBack,
    Mails,
    OrderChanged,
    OrderPlaced,
    Remind,
    Reminded,
    Take,
    Taken,
    parcel,
    shop,
    stock,
)

from comity.engine import Command, Event, Recorded
from comity.engine.history.history import recorded
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.messages.event_types import Loader
from comity.engine.processes.events import (
    OrderAnswered,
    OrderGiven,
    ProcessEnded,
    ProcessHeard,
    TimerCancelled,
    TimerRang,
    TimerSet,
)

LOADERS: Mapping[str, Loader[Event]] = {
    "shop": shop, "stock": stock, "parcel": parcel.decider,
}  # fmt: skip

Numbered: TypeAlias = tuple[str, int]
"""An instance, and the number of one of its orders or timers."""


class TimerFact(NamedTuple):
    """Something that became of a timer, or of all timers of an instance."""

    instance: str
    number: int
    """0: all that it has."""
    what: Literal["set", "rang", "cancelled", "ended"]
    name: str = ""
    due: datetime | None = None
    when: datetime | None = None


@dataclass
class Facts:
    """All that happened in the life of one journal, in order."""

    placed: list[str] = field(default_factory=list[str])
    """The orders that customers placed; each begins an instance."""
    heard: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Which instance heard the event at which position."""
    given: list[tuple[Numbered, str]] = field(default_factory=list[tuple[Numbered, str]])
    """The orders of instances, and the effect that each is to have."""
    answered: list[tuple[Numbered, bool]] = field(default_factory=list[tuple[Numbered, bool]])
    """The answers to the orders; True: refused."""
    effects: list[str] = field(default_factory=list[str])
    """What took effect."""
    timers: list[TimerFact] = field(default_factory=list[TimerFact])
    wanted: dict[tuple[str, str], list[int]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], list[int]](list)
    )
    """The positions that each outlet must deliver, by its name and key."""
    requests: list[Request] = field(default_factory=list[Request])
    """What the service was asked."""
    events: int = 0


def facts_of(journal: Path, ledger: Path) -> Facts:
    """Read everything."""
    facts = Facts(requests=list(read_ledger(ledger)))
    opened = LmdbJournal.open(journal)
    try:
        for record in opened.read_all():
            for at in recorded(LOADERS[record.aggregate.type], record):
                facts.events += 1
                _note(facts, at)
    finally:
        opened.close()
    return facts


def _note(facts: Facts, at: Recorded[Event]) -> None:
    match at.event:
        case OrderPlaced(order=order):
            facts.placed.append(order)
        case Taken() | GivenBack() | Reminded():
            facts.effects.append(effect_of(at.event))
        case _:
            _note_step(facts, at)
    match at.event:
        case OrderPlaced() | OrderChanged() | Reminded():
            facts.wanted[Mails.stored_as, str(at.aggregate)].append(at.position)
        case Taken() | GivenBack():
            facts.wanted[Bills.stored_as, at.event.order].append(at.position)
        case _:
            pass


def _note_step(facts: Facts, at: Recorded[Event]) -> None:
    key = at.aggregate.key
    match at.event:
        case ProcessHeard(position=position):
            facts.heard.append((key, position))
        case OrderGiven(number=number):
            command = parcel.order_of(at.event, key).command
            facts.given.append(((key, number), effect_of(command)))
        case OrderAnswered(number=number, code=code):
            facts.answered.append(((key, number), code != ""))
        case TimerSet(name=name, number=number, due=due):
            facts.timers.append(TimerFact(key, number, "set", name, due))
        case TimerRang(name=name, number=number, due=due):
            facts.timers.append(TimerFact(key, number, "rang", name, due, at.time))
        case TimerCancelled(name=name, number=number):
            facts.timers.append(TimerFact(key, number, "cancelled", name))
        case ProcessEnded():
            facts.timers.append(TimerFact(key, 0, "ended"))
        case _:
            pass


def effect_of(message: Command | Event) -> str:
    """What a command of the stock is to do, or what an event says was done."""
    match message:
        case Take(order=order, part=part) | Taken(order=order, part=part):
            return f"take {part} of {order}"
        case GiveBack(order=order) | GivenBack(order=order):
            return f"give back of {order}"
        case Remind(order=order) | Reminded(order=order):
            return f"remind of {order}"
        case _:
            raise AssertionError(message)
