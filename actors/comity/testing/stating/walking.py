"""An instance of a process that hears one thing after the other, without a domain.

Tests of processes use it.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import WiringError
from comity.engine.history.recorded import Recorded
from comity.engine.merging.at import At
from comity.engine.merging.merge import decide
from comity.engine.merging.report import Outcome
from comity.engine.merging.sent import Sent
from comity.engine.messages.message import Event
from comity.engine.messages.moment import microseconds_of
from comity.engine.processes.answered import Answered
from comity.engine.processes.commands import ProcessCommand, Ring, TakeAnswer
from comity.engine.processes.events import OrderAnswered, ProcessHeard, TimerRang
from comity.engine.processes.rang import Rang
from comity.engine.processes.reaction import Reaction
from comity.testing.stating.hearing import Answer, Ringing
from comity.testing.stating.said import SECOND, START, Said

if TYPE_CHECKING:
    from comity.engine.processes.instance import Instance, OpenOrder
    from comity.engine.processes.process import Process

S = TypeVar("S")
E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)

Hears: TypeAlias = E_co | Said[E_co] | Answer | Ringing
"""What a test says that an instance hears."""


class Walk(Generic[S, E]):
    """An instance, and the time and position at which it hears the next thing."""

    def __init__(self, process: Process[S, E]) -> None:
        self.process = process
        self.instance: Instance[S] = process.decider.initial()
        self._key = ""
        self._now = START - SECOND
        self._position = 0
        self._version = 0

    def branch(self) -> Walk[S, E]:
        """Return a walk that goes on from here, on its own."""
        walk = copy.copy(self)
        walk.instance = copy.deepcopy(self.instance)
        return walk

    def hear(self, thing: Hears[E], where: str) -> list[Reaction] | None:
        """Take a step; return what `react` gave, or None if the thing is passed over.

        Raises:
            WiringError: the thing cannot happen; `where` begins the text.
            ProcessFailed: `evolve` or `react` failed, or the orders are a loop.
        """
        command = self._command(thing, where)
        if command is None:
            return None
        decider = self.process.decider
        events = decide(decider, self.instance, command, Sent(microseconds=self._now))
        if not events:
            return None
        at = At(0, self._now, aggregate=AggregateId(self.process.name, self._key))
        first = events[0]
        assert isinstance(first, (ProcessHeard, OrderAnswered, TimerRang))
        given = self.process.reactions(self.instance, first, at)
        for event in events:
            self._version += 1
            place = at._replace(version=self._version)
            self.instance = decider.evolve(self.instance, event, place)
        return given

    def _command(self, thing: Hears[E], where: str) -> ProcessCommand | None:
        """Return the command by which the instance hears the thing; None: it is passed over."""
        if isinstance(thing, (Answered, Rang)):
            name = "answered(...) or refused(...)" if isinstance(thing, Answered) else "rang(...)"
            raise WiringError(f"{where}: write {name}; the rest is known from the order or timer")
        if isinstance(thing, Answer):
            self._pass_time(thing.microseconds)
            return self._answer(thing, where)
        if isinstance(thing, Ringing):
            return self._ring(thing, where)
        said = thing if isinstance(thing, Said) else Said(thing)
        self._pass_time(said.microseconds)
        return self._event(said, where)

    def _event(self, said: Said[E], where: str) -> ProcessCommand | None:
        process = self.process
        if type(cast("object", said.event)) not in process.event_set:
            names = ", ".join(sorted(kind.__name__ for kind in process.events))
            msg = f"expected an event of {process.name} ({names}), answered, refused or rang"
            raise WiringError(f"{where}: {msg}")
        self._position += 1
        recorded = _recorded(process, said, self._now, self._position)
        key = process.key_of(recorded)
        if key is None:
            return None
        if self._key not in ("", key):
            msg = f"it is for the instance {key!r}, and this test is about {self._key!r}"
            raise WiringError(f"{where}: {msg}")
        self._key = key
        return process.hear(recorded)

    def _answer(self, answer: Answer, where: str) -> ProcessCommand:
        for number, order in self.instance.orders.items():
            if _fits(answer, number, order):
                if answer.refusal is not None:
                    return self.process.take_answer(number, answer.refusal)
                return TakeAnswer(number=number, outcome=Outcome.APPLIED, version=1)
        open_ = ", ".join(map(_named, self.instance.orders.values())) or "none"
        raise WiringError(f"{where}: no such order is open; open are: {open_}")

    def _ring(self, ringing: Ringing, where: str) -> ProcessCommand:
        timer = self.instance.timers.get(ringing.timer)
        if timer is None:
            names = ", ".join(self.instance.timers) or "none"
            raise WiringError(f"{where}: no such timer is set; set are: {names}")
        due = max(microseconds_of(timer.due), self._now)
        self._pass_time(due if ringing.microseconds is None else ringing.microseconds)
        return Ring(name=ringing.timer, number=timer.number)

    def _pass_time(self, microseconds: int | None) -> None:
        self._now = self._now + SECOND if microseconds is None else microseconds


def _recorded(process: Process[S, E], said: Said[E], now: int, position: int) -> Recorded[Event]:
    """The event as the journal would give it."""
    event: Event = said.event
    owners = [one.name for one in process.orders.values() if type(event) in one.event_set]
    aggregate = AggregateId(owners[0] if owners else "test", said.key or "test")
    return Recorded(
        event, aggregate, position, position, now, said.who, said.session, "",
        f"test-{position}", {}, None,
    )  # fmt: skip


def _fits(answer: Answer, number: int, order: OpenOrder) -> bool:
    known = answer.number in (None, number) and answer.key in (None, order.key)
    return known and answer.order == order.name


def _named(order: OpenOrder) -> str:
    return f"{order.name} ({order.type}/{order.key})"
