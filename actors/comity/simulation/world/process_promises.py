"""Checks what comity promises of processes: what they heard, ordered and timed took effect once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from comity.engine.aggregate_id import AggregateId
from comity.engine.history import history
from comity.engine.journal.journal import Journal
from comity.engine.processes.events import (
    INSTALLED,
    OrderAnswered,
    OrderGiven,
    ProcessEnded,
    ProcessEvent,
    ProcessHeard,
    TimerCancelled,
    TimerRang,
    TimerSet,
)
from comity.engine.processes.process import AnyProcess
from comity.simulation.world.broken import hold


def check_process(journal: Journal, process: AnyProcess) -> None:
    """Check all instances of a process, at any moment.

    Raises:
        PromiseBroken: a promise is broken.
    """
    kept = [one for one, _ in journal.aggregates() if one.type == process.name]
    took_effect = Counter(record.command_id for record in journal.read_all() if record.events)
    for instance in kept:
        if instance.key != INSTALLED:
            _Instance(journal, process, instance, took_effect).check()


class _Instance:
    """What the history of an instance tells so far."""

    def __init__(
        self,
        journal: Journal,
        process: AnyProcess,
        id: AggregateId,
        took_effect: Counter[str],
    ) -> None:
        self._journal = journal
        self._process = process
        self._id = id
        self._took_effect = took_effect
        self._heard = 0
        self._orders: dict[int, OrderGiven] = {}
        self._timers: dict[str, int] = {}

    def check(self) -> None:
        for event in self._history():
            match event:
                case ProcessHeard(position=position):
                    hold(position > self._heard, f"{self._id} heard position {position} again")
                    self._heard = position
                case OrderGiven(number=number):
                    self._orders[number] = event
                case OrderAnswered():
                    self._check_answer(event)
                case TimerSet(name=name, number=number):
                    self._timers[name] = number
                case TimerCancelled(name=name, number=number) | TimerRang(name=name, number=number):
                    is_set = self._timers.pop(name, None) == number
                    hold(is_set, f"{self._id}: timer {name} ({number}) rang, and was not set")
                case ProcessEnded(by_hand=by_hand):
                    self._timers.clear()
                    if by_hand:
                        self._orders.clear()
                case _:
                    pass

    def _history(self) -> Iterator[ProcessEvent]:
        for record in self._journal.read(self._id):
            for one in history.recorded(self._process.decider, record):
                yield one.event

    def _check_answer(self, answer: OrderAnswered) -> None:
        """An order has one answer, and took effect once, or not if it was refused."""
        number = answer.number
        given = self._orders.pop(number, None)
        hold(given is not None, f"{self._id}: order {number} has an answer, and is not open")
        assert given is not None
        order = self._process.order_of(given, self._id.key)
        times = self._took_effect[order.id]
        expected = (0,) if answer.code else (0, 1)
        hold(times in expected, f"{self._id}: order {number} took effect {times} times")
