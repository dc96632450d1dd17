"""Tries what the instances of a process wait for, without effect: why does it not go on?

A program that does not run the process finds out so what is stuck. It needs the process's code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from comity.actors.processes.errand import Hearing, Ordering, Ringing, Stuck
from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import describe_error
from comity.engine.history.history import recorded, state_at
from comity.engine.merging.merge import decide
from comity.engine.merging.refusals import Refused
from comity.engine.merging.sent import Sent
from comity.engine.messages.event_types import EventTypes

if TYPE_CHECKING:
    from comity.actors.processes.agenda import AnyAgenda
    from comity.actors.processes.agenda_rows import OrderRow, TimerRow, UnheardRow
    from comity.actors.processes.errand import Errand
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.event_types import Loader
    from comity.engine.messages.message import Event
    from comity.engine.processes.events import OrderGiven
    from comity.engine.processes.process import AnyProcess

MOST: Final = 1_000
"""So many unheard events, orders and due timers are tried at most, the oldest of each."""


class Trying:
    """Tries the errands of a process on the states that the journal has.

    Args:
        process: the process, with today's code.
        journal: the journal.
        now: the time, in microseconds since 1970.
    """

    def __init__(self, process: AnyProcess, journal: Journal, now: int) -> None:
        self._process = process
        self._journal = journal
        self._now = now
        self._events = EventTypes(process.name, process.events, process.retired)

    def stuck(self, agenda: AnyAgenda) -> Iterator[Stuck]:
        """Yield what cannot be done, and why."""
        for event in agenda.unheard.all().list(MOST):
            row = agenda.instances.get(event.key)
            if row is not None and row.first == event.position:  # the others wait for it
                yield from _tried(Hearing(event), partial(self._hear, event))
        for order in agenda.by_position.all().list(MOST):
            yield from _tried(Ordering(order), partial(self._order, order))
        for timer in agenda.by_due.all().list(MOST):
            if timer.due <= self._now:
                yield from _tried(Ringing(timer), partial(self._ring, timer))

    def _hear(self, row: UnheardRow) -> None:
        event = self._read(self._events, AggregateId(row.type, row.source), row.version)
        self._step(row.key, self._process.hear(event))

    def _ring(self, row: TimerRow) -> None:
        self._step(row.key, self._process.ring(row))

    def _order(self, row: OrderRow) -> None:
        instance = AggregateId(self._process.name, row.key)
        given = self._read(self._process.decider, instance, row.version)
        order = self._process.order_of(cast("OrderGiven", given.event), row.key)
        self._decide(order.decider, order.aggregate, order.command)

    def _step(self, key: str, command: Command) -> None:
        decider = cast("AnyDecider", self._process.decider)
        self._decide(decider, AggregateId(decider.name, key), command)

    def _decide(self, decider: AnyDecider, aggregate: AggregateId, command: Command) -> None:
        state, _ = state_at(decider, self._journal, aggregate)
        decide(decider, state, command, Sent(microseconds=self._now, who=self._process.name))

    def _read(self, loader: Loader[Event], aggregate: AggregateId, version: int) -> Recorded[Event]:
        record = next(self._journal.read(aggregate, version - 1, version))
        before = version - 1 - record.version
        alone = record._replace(  # the process may not know the record's other events
            version=version - 1,
            position=record.position + before,
            events=record.events[before : before + 1],
        )
        return next(recorded(loader, alone))


def _tried(errand: Errand, attempt: Callable[[], object]) -> Iterator[Stuck]:
    try:
        attempt()
    except Refused:  # an answer like any other
        pass
    except Exception as error:  # the domain's code may raise anything
        yield Stuck(errand.key, str(errand), describe_error(error), 0, 0.0)
