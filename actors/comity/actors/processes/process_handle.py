"""The host's handle of a process: its status, its instances, what they wait for, and helping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar, cast

from comity.actors.processes.process_status import InstanceStatus, ProcessStatus
from comity.engine.aggregate_id import AggregateId, check_key
from comity.engine.history.history import recorded, state_at
from comity.engine.messages.moment import moment
from comity.engine.processes.commands import EndByHand
from comity.readmodels.tables.query import Page

if TYPE_CHECKING:
    from datetime import datetime

    from comity.actors.aggregates.services import Services
    from comity.actors.processes.agenda_rows import InstanceState, OrderRow, TimerRow
    from comity.actors.processes.errand import Stuck
    from comity.actors.processes.running_process import RunningProcess
    from comity.engine.history.recorded import Recorded
    from comity.engine.processes.events import ProcessEvent

S = TypeVar("S")

MOST: Final = 1_000
"""Rows that `waits_for` and `timers` give at most."""


class WaitingOrder(NamedTuple):
    """An order without an answer."""

    name: str
    aggregate: AggregateId
    command: str
    """The stored name of the command."""
    given: datetime


class WaitingEvent(NamedTuple):
    """An event that an instance has not heard."""

    name: str
    aggregate: AggregateId
    position: int
    time: datetime


class WaitingTimer(NamedTuple):
    """A timer that is set."""

    key: str
    """The instance that set it."""
    name: str
    due: datetime


class Waits(NamedTuple):
    """What an instance waits for; of each at most 1,000."""

    events: Sequence[WaitingEvent]
    """What it has not heard yet, in order."""
    orders: Sequence[WaitingOrder]
    """Its orders without an answer."""
    timers: Sequence[WaitingTimer]
    """Its timers."""
    stuck: Sequence[Stuck]
    """What it cannot do, and why."""


class ProcessHandle(Generic[S]):
    """One process of a domain: `domain.process(trip)`.

    Example:
        for one in domain.process(trip).stuck():
            print(one.key, one.doing, one.reason)
    """

    def __init__(self, services: Services, running: RunningProcess) -> None:
        self.name = running.process.name
        """The name of the process."""
        self._services = services
        self._running = running

    def status(self) -> ProcessStatus:
        """The process's status now."""
        return self._running.status()

    def instances(
        self, state: InstanceState | None = None, *, limit: int = 100, after: str | None = None
    ) -> Page[InstanceStatus]:
        """The instances on a page, at most 1,000: in the order of their keys, or of their begin.

        Args:
            state: only those that are `new`, `running` or `ended`; these are in the order in which
                they began.
            limit: the most on a page.
            after: the `next` of the page before.
        """
        with self._running.snapshot() as agenda:
            found = agenda.instances.all() if state is None else agenda.by_state.prefix(state)
            page = found.page(limit, after)
        return Page([InstanceStatus.of(row) for row in page.rows], page.next)

    def state(self, key: str) -> S | None:
        """The state of an instance, a copy; None if it has never begun."""
        instance, version = state_at(
            self._running.process.decider, self._services.journal, self._id(key)
        )
        return cast("S", instance.state) if version else None

    def history(self, key: str) -> Iterator[Recorded[ProcessEvent]]:
        """What an instance has heard, ordered and set, in order."""
        return (
            one
            for record in self._services.journal.read(self._id(key))
            for one in recorded(self._running.process.decider, record)
        )

    def waits_for(self, key: str) -> Waits:
        """What an instance waits for."""
        self._id(key)
        with self._running.snapshot() as agenda:
            row = agenda.instances.get(key)
            events, next_ = list[WaitingEvent](), row.first if row is not None else None
            while next_ is not None and len(events) < MOST:
                one = agenda.unheard[next_]
                source = AggregateId(one.type, one.source)
                events.append(WaitingEvent(one.name, source, one.position, moment(one.time)))
                next_ = one.next
            orders = agenda.orders.prefix(key).list(MOST)
            timers = agenda.timers.prefix(key).list(MOST)
        stuck = [one for one in self.stuck() if one.key == key]
        return Waits(
            events, [_order(one) for one in orders], [_timer(one) for one in timers], stuck
        )

    def stuck(self) -> Sequence[Stuck]:
        """What instances cannot do until a person helps, with the reasons; at most 10,000."""
        return list(self._running.runner.errands.stuck(self._services.monotonic()))

    def timers(self, limit: int = MOST) -> Sequence[WaitingTimer]:
        """The timers that are set, the next one first."""
        with self._running.snapshot() as agenda:
            return [_timer(row) for row in agenda.by_due.all().list(limit)]

    def try_again(self, key: str | None = None) -> None:
        """Try at once what rests after a failure: of one instance, or of all.

        If the agenda has stopped, it goes on, too.
        """
        if key is not None:
            self._id(key)
        self._running.try_again(key)

    def end(self, key: str, reason: str = "", *, timeout: float = 10.0) -> bool:
        """End an instance by hand, and give up its open orders; False if it has ended already.

        An order that is on its way may still take effect.

        Raises:
            TimeoutError: no answer yet; it may still end.
        """
        self._id(key)
        task = self._running.sending.step(key, EndByHand(reason=reason))
        return bool(task.result(timeout).events)

    def pause(self) -> None:
        """Begin nothing more. What has begun comes to its end; nothing is lost."""
        self._running.pause()

    def resume(self) -> None:
        """Go on after a pause, or after the agenda has stopped."""
        self._running.resume()

    def _id(self, key: str) -> AggregateId:
        return AggregateId(self._running.process.name, check_key(key))


def _timer(row: TimerRow) -> WaitingTimer:
    return WaitingTimer(row.key, row.name, moment(row.due))


def _order(row: OrderRow) -> WaitingOrder:
    return WaitingOrder(row.name, AggregateId(row.type, row.target), row.command, moment(row.time))
