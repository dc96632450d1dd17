"""A till, whose rules change: for tests of rehearsals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from comity.actors import Domain
from comity.engine import (
    Clash,
    Command,
    Decider,
    Event,
    Refused,
    Rejected,
    Sent,
    give_way,
    reject,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.evolution import Rehearsal, rehearse


class Pay(Command):
    amount: int
    touches = "total"

    def on_conflict(self, clash: Clash[Till], /) -> Pay:
        """Whoever pays while others pay, pays one less."""
        return Pay(amount=self.amount - 1)


class Take(Command):
    amount: int
    touches = "total"
    on_conflict = reject


class Label(Command):
    text: str
    on_conflict = give_way


class Paid(Event):
    amount: int
    touches = "total"


class Taken(Event):
    amount: int
    touches = "total"


class Labelled(Event):
    text: str
    touches = "text"


@dataclass
class Till:
    total: int = 0
    text: str = ""


TillCommand: TypeAlias = Pay | Take | Label
TillEvent: TypeAlias = Paid | Taken | Labelled
Rule: TypeAlias = Callable[[Till, TillCommand, Sent], object]


class TooLittle(Rejected):
    def __init__(self, total: int) -> None:
        super().__init__(f"there are only {total}", total=total)


def decide(state: Till, command: TillCommand) -> Iterator[TillEvent]:
    match command:
        case Pay(amount=amount):
            yield Paid(amount=amount)
        case Take(amount=amount):
            if amount > state.total:
                raise TooLittle(state.total)
            yield Taken(amount=amount)
        case Label(text=text):
            if text != state.text:
                yield Labelled(text=text)


def evolve(state: Till, event: TillEvent) -> Till:
    match event:
        case Paid(amount=amount):
            state.total += amount
        case Taken(amount=amount):
            state.total -= amount
        case Labelled(text=text):
            state.text = text
    return state


till = Decider("till", Till, decide, evolve, rules_revision="first")


def ruled(rule: Rule, name: str = "till") -> Decider[Till, TillCommand, TillEvent]:
    """The till with one more rule, which raises what it refuses."""

    def stricter(state: Till, command: TillCommand, sent: Sent) -> Iterator[TillEvent]:
        rule(state, command, sent)
        yield from decide(state, command)

    return Decider(name, Till, stricter, evolve)


@dataclass
class Shop:
    """A domain of tills, whose journal is rehearsed while it is open."""

    journal: MemoryJournal
    domain: Domain

    def do(
        self, who: str, command: TillCommand, seen: int | None = None, key: str = "front"
    ) -> None:
        """Send a command; what becomes of it is for the rehearsal to tell."""
        sender = self.domain.session(who, id=who).aggregate(till, key)
        with suppress(Refused):
            sender.do(command, seen)

    def rehearse(self, *rules: Decider[Till, TillCommand, TillEvent], limit: int = 5) -> Rehearsal:
        return rehearse(self.journal, rules or [till], limit=limit)
