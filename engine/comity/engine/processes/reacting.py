"""Turns what `react` gave into events: orders and timers get their numbers, loops end here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from comity.engine.errors import Invalid, ProcessFailed
from comity.engine.merging.at import At
from comity.engine.messages import codec
from comity.engine.messages.message import Event
from comity.engine.processes.events import (
    OrderGiven,
    ProcessEnded,
    ProcessEvent,
    TimerCancelled,
    TimerRang,
    TimerSet,
)
from comity.engine.processes.functions import Functions
from comity.engine.processes.heard import Heard
from comity.engine.processes.hearing import First
from comity.engine.processes.instance import Chain, Instance
from comity.engine.processes.order import Order
from comity.engine.processes.reaction import End, Reaction
from comity.engine.processes.timers import CancelTimer, SetTimer

S = TypeVar("S")
E = TypeVar("E", bound=Event)

PATIENT: Final = timedelta(seconds=1)
"""A timer that waits so long counts as something from outside: it cannot make a busy loop."""


def reacting(
    functions: Functions[S, E],
    instance: Instance[S],
    first: First,
    reactions: Sequence[Reaction],
    heard: Heard,
    chain: Chain,
    at: At,
) -> Iterator[ProcessEvent]:
    """Yield the events of a step that follow from its first one.

    Raises:
        ProcessFailed: an order is for a decider that the process did not name, cannot be stored,
            or is part of a loop; or a timer has no time.
    """
    try:
        yield from _events(functions, instance, first, reactions, heard, chain, at)
    except (Invalid, ValueError) as error:  # pydantic's, of a text that cannot be stored
        raise ProcessFailed(f"{at.aggregate}: react gave {codec.explained(error)}") from None


def _events(
    functions: Functions[S, E],
    instance: Instance[S],
    first: First,
    reactions: Sequence[Reaction],
    heard: Heard,
    chain: Chain,
    at: At,
) -> Iterator[ProcessEvent]:
    ordered, timed, end = instance.ordered, instance.timed, None
    timers = {name: timer.number for name, timer in instance.timers.items()}
    if isinstance(first, TimerRang):
        del timers[first.name]
    for one in reactions:
        match one:
            case Order():
                ordered += 1
                yield _given(functions, one, ordered, _longer(functions, chain, at))
            case SetTimer(name=name):
                timed += 1
                timers[name] = timed
                due = one.due(heard.time)
                longer = Chain()
                if due - at.time < PATIENT:
                    longer = _longer(functions, chain, at)._replace(hops=chain.hops)
                hops, depth = longer
                yield TimerSet(name=name, number=timed, due=due, hops=hops, depth=depth)
            case CancelTimer(name=name):
                if name in timers:
                    yield TimerCancelled(name=name, number=timers.pop(name))
            case End():
                end = end or one
    if end is not None:
        yield ProcessEnded(reason=end.reason)


def _given(functions: Functions[S, E], order: Order, number: int, chain: Chain) -> OrderGiven:
    known = functions.deciders.get(order.decider.name)
    if known is None or known.identity is not order.decider.identity:
        names = ", ".join(functions.deciders) or "none"
        msg = f"{order!r:.300}, for a decider that is not among its orders=[...] ({names}); add it"
        raise Invalid(msg)
    command = order.command
    return OrderGiven(
        number=number, name=order.name, type=order.decider.name, key=order.key,
        command=command.stored_as, schema_of=command.schema_version, data=codec.pack(command),
        seen=order.seen, hops=chain.hops, depth=chain.depth,
    )  # fmt: skip


def _longer(functions: Functions[S, E], chain: Chain, at: At) -> Chain:
    """The chain with one more step; raises `ProcessFailed` if it is a loop."""
    hops, depth = chain.hops + 1, chain.depth + 1
    if hops > functions.most_hops:
        said = f"{functions.most_hops:,} orders of processes led to it, one through the other"
        raise ProcessFailed(f"{at.aggregate}: a loop: {said}; see most_hops of Process")
    if depth > functions.most_steps:
        said = f"{functions.most_steps:,} of its steps followed each other"
        outside = "without anything from outside; see most_steps of Process"
        raise ProcessFailed(f"{at.aggregate}: a loop: {said} {outside}")
    return Chain(hops, depth)
