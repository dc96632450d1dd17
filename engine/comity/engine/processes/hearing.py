"""What the functions of a process are told, made from the event that begins a step."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, TypeVar

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.at import At
from comity.engine.messages.message import Event
from comity.engine.messages.moment import microseconds_of
from comity.engine.processes.answered import Answered, Refusal
from comity.engine.processes.events import Copied, OrderAnswered, ProcessHeard, TimerRang
from comity.engine.processes.functions import Functions, Thing
from comity.engine.processes.heard import Heard
from comity.engine.processes.instance import Chain, Instance, OpenOrder
from comity.engine.processes.rang import Rang

S = TypeVar("S")
E = TypeVar("E", bound=Event)

First: TypeAlias = ProcessHeard | OrderAnswered | TimerRang
"""What begins a step."""


class Told(NamedTuple):
    """A thing that an instance hears, where it comes from, and its chain of causes."""

    thing: Thing
    heard: Heard
    chain: Chain


def told(functions: Functions[S, E], instance: Instance[S], first: First, at: At) -> Told:
    """Make what `evolve` and `react` are told.

    Args:
        functions: those of the process.
        instance: before the event is applied.
        first: the event that begins the step.
        at: its time, and the instance.

    Raises:
        UnreadableEvent: no class of the process has the event that was heard.
        UnreadableOrder: the command that was answered has no class any more.
    """
    key = at.aggregate.key
    match first:
        case ProcessHeard():
            return Told(event_of(functions, first), heard_of(first, key), Chain(first.hops))
        case OrderAnswered():
            order = instance.orders[first.number]
            thing = _answered(functions, order, first)
            heard = Heard(key, thing.aggregate, first.version, first.position, at.microseconds)
            return Told(thing, heard, Chain(order.hops - 1, order.depth))
        case TimerRang(name=name, due=due):
            timer = instance.timers[name]
            heard = Heard(key, at.aggregate, microseconds=at.microseconds)
            return Told(Rang(name, due), heard, Chain(timer.hops, timer.depth))


def event_of(functions: Functions[S, E], copied: Copied) -> E:
    """Make the event of a copy, upcast to its class; raises `UnreadableEvent`."""
    stored = StoredEvent(copied.name, copied.schema_of, copied.data, copied.stamp, copied.readable)
    return functions.types.load(stored)


def heard_of(copied: Copied, key: str) -> Heard:
    """Return where the event of a copy comes from."""
    return Heard(
        key, AggregateId(copied.type, copied.key), copied.version, copied.position,
        microseconds_of(copied.time), copied.who, copied.session, dict(copied.metadata),
        copied.hops,
    )  # fmt: skip


def _answered(functions: Functions[S, E], order: OpenOrder, answer: OrderAnswered) -> Answered:
    refusal = None
    if answer.code:
        refusal = Refusal(answer.code, answer.reason, dict(answer.fields))
    return Answered(
        order.name, AggregateId(order.type, order.key),
        functions.command(order.type, order.command, order.schema, order.data),
        answer.outcome, refusal, answer.version, answer.position,
    )  # fmt: skip
