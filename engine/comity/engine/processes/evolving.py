"""Applies the events of an instance: the bookkeeping, and the domain's `evolve`, never `react`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from comity.engine.merging.at import At
from comity.engine.messages.message import Event
from comity.engine.messages.retired_event import RetiredEvent
from comity.engine.processes.events import (
    OrderAnswered,
    OrderGiven,
    ProcessEnded,
    ProcessEvent,
    ProcessHeard,
    ProcessInstalled,
    TimerCancelled,
    TimerRang,
    TimerSet,
)
from comity.engine.processes.functions import Functions
from comity.engine.processes.hearing import First, told
from comity.engine.processes.instance import Instance, OpenOrder, OpenTimer

S = TypeVar("S")
E = TypeVar("E", bound=Event)


def evolving(
    functions: Functions[S, E],
) -> Callable[[Instance[S], ProcessEvent, At], Instance[S]]:
    """Return the `evolve` of the process's internal decider. It changes the instance in place."""

    def evolve(instance: Instance[S], event: ProcessEvent, at: At) -> Instance[S]:
        match event:
            case ProcessHeard() | OrderAnswered() | TimerRang():
                _hear(functions, instance, event, at)
            case OrderGiven():
                instance.ordered = event.number
                instance.orders[event.number] = _open(event)
            case TimerSet(name=name, number=number, due=due, hops=hops, depth=depth):
                instance.timed = number
                instance.timers[name] = OpenTimer(number, due, hops, depth)
            case TimerCancelled(name=name):
                instance.timers.pop(name, None)
            case ProcessEnded():
                _end(instance, event)
            case ProcessInstalled(start=start):
                instance.start = start
        return instance

    return evolve


def begin(functions: Functions[S, E], instance: Instance[S]) -> None:
    """Let an instance begin, or begin anew after its end. Its numbers go on."""
    instance.state = functions.initial()
    instance.running, instance.reason = True, ""
    instance.before = instance.ordered


def is_told(instance: Instance[S], order: int) -> bool:
    """Whether the instance is told the answer to an open order: one that it gave in this life."""
    return instance.running and order > instance.before


def _hear(functions: Functions[S, E], instance: Instance[S], first: First, at: At) -> None:
    if isinstance(first, ProcessHeard):
        instance.key, instance.heard = at.aggregate.key, first.position
        if not instance.running:
            begin(functions, instance)
    if not isinstance(first, OrderAnswered) or is_told(instance, first.number):
        thing, heard, _ = told(functions, instance, first, at)
        if not isinstance(thing, RetiredEvent):
            instance.state = functions.evolve(instance.state, thing, heard)
    if isinstance(first, OrderAnswered):
        instance.orders.pop(first.number, None)
    elif isinstance(first, TimerRang):
        instance.timers.pop(first.name, None)


def _end(instance: Instance[S], ended: ProcessEnded) -> None:
    instance.running, instance.reason = False, ended.reason
    instance.heard = max(instance.heard, ended.upto)
    instance.timers.clear()
    if ended.by_hand:
        instance.orders.clear()


def _open(given: OrderGiven) -> OpenOrder:
    return OpenOrder(
        given.name, given.type, given.key, given.command, given.schema_of, given.data,
        given.hops, given.depth,
    )  # fmt: skip
