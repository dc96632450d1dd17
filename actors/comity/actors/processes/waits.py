"""What the instances of a process wait for, read from its agenda."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from comity.actors.processes.agenda_rows import STATES
from comity.actors.processes.process_status import InstanceStatus
from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import WiringError
from comity.engine.messages.moment import moment
from comity.readmodels.tables.query import Page

if TYPE_CHECKING:
    from datetime import datetime

    from comity.actors.processes.agenda import AnyAgenda
    from comity.actors.processes.agenda_rows import InstanceState, TimerRow
    from comity.actors.processes.errand import Stuck

MOST: Final = 1_000
"""The most rows of each kind that are given."""


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


def waits_in(agenda: AnyAgenda, key: str, stuck: Sequence[Stuck]) -> Waits:
    """Return what an instance waits for.

    Args:
        agenda: the agenda of its process.
        key: the instance.
        stuck: what instances cannot do.
    """
    row = agenda.instances.get(key)
    events, next_ = list[WaitingEvent](), row.first if row is not None else None
    while next_ is not None and len(events) < MOST:
        one = agenda.unheard[next_]
        source = AggregateId(one.type, one.source)
        events.append(WaitingEvent(one.name, source, one.position, moment(one.time)))
        next_ = one.next
    orders = [
        WaitingOrder(
            one.name, AggregateId(one.type, one.target), one.command, moment(one.time)
        )
        for one in agenda.orders.prefix(key).list(MOST)
    ]  # fmt: skip
    timers = [_timer(one) for one in agenda.timers.prefix(key).list(MOST)]
    return Waits(events, orders, timers, [one for one in stuck if one.key == key])


def instances_in(
    agenda: AnyAgenda, state: InstanceState | None, limit: int, after: str | None
) -> Page[InstanceStatus]:
    """Return the instances on a page; see `ProcessHandle.instances`."""
    if state is not None and state not in STATES:
        msg = f"state: expected {', '.join(STATES)} or None, got {state!r:.100}"
        raise WiringError(msg)
    found = agenda.instances.all() if state is None else agenda.by_state.prefix(state)
    page = found.page(limit, after)
    return Page([InstanceStatus.of(row) for row in page.rows], page.next)


def timers_in(agenda: AnyAgenda, limit: int) -> Sequence[WaitingTimer]:
    """Return the timers that are set, the next one first."""
    return [_timer(row) for row in agenda.by_due.all().list(limit)]


def _timer(row: TimerRow) -> WaitingTimer:
    return WaitingTimer(row.key, row.name, moment(row.due))
