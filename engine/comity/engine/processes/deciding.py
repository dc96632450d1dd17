"""Decides what follows from a command of the runner: one step, whole or not at all.

What comes twice or late changes nothing. The instance's own state tells it: the last position that
it heard, its open orders and its timers, by number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import ComityError, ProcessFailed
from comity.engine.merging.at import At
from comity.engine.merging.sent import Sent
from comity.engine.messages.message import Event
from comity.engine.messages.retired_event import RetiredEvent
from comity.engine.messages.trusted import trusted
from comity.engine.processes.commands import (
    EndByHand,
    Hear,
    Install,
    ProcessCommand,
    Ring,
    TakeAnswer,
)
from comity.engine.processes.events import (
    OrderAnswered,
    ProcessEnded,
    ProcessEvent,
    ProcessHeard,
    ProcessInstalled,
    TimerRang,
)
from comity.engine.processes.evolving import is_told
from comity.engine.processes.functions import Functions
from comity.engine.processes.hearing import First, event_of, told
from comity.engine.processes.instance import Instance
from comity.engine.processes.reacting import reacting

S = TypeVar("S")
E = TypeVar("E", bound=Event)


def deciding(
    functions: Functions[S, E],
) -> Callable[[Instance[S], ProcessCommand, Sent], Sequence[ProcessEvent]]:
    """Return the `decide` of the process's internal decider."""

    def decide(
        instance: Instance[S], command: ProcessCommand, sent: Sent
    ) -> Sequence[ProcessEvent]:
        match command:
            case Hear():
                return _hear(functions, instance, command, sent)
            case TakeAnswer():
                return _take_answer(functions, instance, command, sent)
            case Ring():
                return _ring(functions, instance, command, sent)
            case EndByHand(reason=reason, upto=upto):
                left = instance.running or instance.orders or upto > instance.heard
                return (ProcessEnded(reason=reason, by_hand=True, upto=upto),) if left else ()
            case Install(start=start):
                return (ProcessInstalled(start=start),) if instance.start is None else ()

    return decide


def _hear(
    functions: Functions[S, E], instance: Instance[S], command: Hear, sent: Sent
) -> Sequence[ProcessEvent]:
    at = _at(functions.name, command.to, sent)
    if not _is_news(functions, instance, command, at):
        return ()
    fields = {name: getattr(command, name) for name in ProcessHeard.model_fields}
    return _step(functions, instance, trusted(ProcessHeard, fields), at)


def _take_answer(
    functions: Functions[S, E], instance: Instance[S], command: TakeAnswer, sent: Sent
) -> Sequence[ProcessEvent]:
    order = instance.orders.get(command.number)
    if order is None:
        return ()
    fields: dict[str, object] = {**dict(command), "name": order.name}
    answered = trusted(OrderAnswered, {name: fields[name] for name in OrderAnswered.model_fields})
    if not is_told(instance, command.number):
        return (answered,)
    return _step(functions, instance, answered, _at(functions.name, instance.key, sent))


def _ring(
    functions: Functions[S, E], instance: Instance[S], command: Ring, sent: Sent
) -> Sequence[ProcessEvent]:
    timer = instance.timers.get(command.name)
    if timer is None or timer.number != command.number:
        return ()
    rang = TimerRang(name=command.name, number=timer.number, due=timer.due)
    return _step(functions, instance, rang, _at(functions.name, instance.key, sent))


def _step(
    functions: Functions[S, E], instance: Instance[S], first: First, at: At
) -> Sequence[ProcessEvent]:
    """Return what was heard, and all that follows from it; raises `ProcessFailed`."""
    try:
        thing, heard, chain = told(functions, instance, first, at)
    except ComityError as error:  # a class is gone
        raise ProcessFailed(f"{at.aggregate}: {error}") from None
    if isinstance(thing, RetiredEvent):
        return (first,)
    state = instance.state if instance.running else functions.initial()
    reactions = functions.tried(state, thing, heard)
    return (first, *reacting(functions, instance, first, reactions, heard, chain, at))


def _is_news(functions: Functions[S, E], instance: Instance[S], command: Hear, at: At) -> bool:
    """Whether the instance has not heard the event, and is running or begins with it."""
    if command.position <= instance.heard:
        return False
    if instance.running:
        return True
    try:
        return type(event_of(functions, command)) in functions.starts
    except ComityError as error:
        raise ProcessFailed(f"{at.aggregate}: {error}") from None


def _at(name: str, key: str, sent: Sent) -> At:
    """The place and time at which the step will be recorded; nobody asks for the version."""
    return At(0, sent.microseconds, sent.who, sent.session, AggregateId(name, key))
