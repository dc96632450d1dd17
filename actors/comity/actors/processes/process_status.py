"""The status of a process, for hosts, the command line and other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from comity.engine.messages.moment import moment

if TYPE_CHECKING:
    from datetime import datetime

    from comity.actors.processes.agenda import AnyAgenda
    from comity.actors.processes.agenda_rows import InstanceRow, InstanceState

ProcessState: TypeAlias = Literal[
    "starting", "following", "catching up", "standby", "waiting", "paused", "stopped"
]
"""`starting`: its agenda is being read, or built anew. `following`: up to date, or nearly.
`catching up`: events wait. `standby`: another program runs it; this one takes over when that one
ends or hangs. `waiting`: the disk or an aggregate takes no commands now; it tries
again. `paused`: the host has paused it. `stopped`: it cannot go on; `error` says why."""


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """The status of one process at one moment."""

    name: str
    state: ProcessState
    position: int
    """The agenda includes all events up to this position."""
    lag_events: int
    lag_seconds: float
    running: int
    """How many instances have begun and not ended."""
    ended: int
    """How many instances have ended."""
    unheard: int
    """How many events instances have not heard."""
    orders: int
    """How many orders have no answer."""
    timers: int
    """How many timers are set."""
    next_timer: datetime | None
    """When the next timer is due; None if none is set."""
    oldest: datetime | None
    """When the unheard event, open order or due timer that waits longest was recorded or due."""
    stuck: int
    """How many instances cannot do something until a person helps."""
    error: str
    """Why the process, or an errand of it, does not go on; empty while all do."""
    led_by: str = ""
    """The program that runs it, in words; empty if this one does, or if none does. What is stuck,
    and a pause, are known only there."""


class InstanceStatus(NamedTuple):
    """One instance of a process."""

    key: str
    state: InstanceState
    begun: datetime
    """When its first event was recorded."""
    changed: datetime
    """When its last step was recorded."""
    unheard: int
    """How many events it has not heard."""
    orders: int
    """How many of its orders have no answer."""
    timers: int
    """How many of its timers are set."""
    reason: str
    """Why it has ended."""

    @classmethod
    def of(cls, row: InstanceRow) -> InstanceStatus:
        """Make it from a row of the agenda."""
        return cls(
            row.key, row.state, moment(row.begun), moment(row.changed), row.unheard, row.orders,
            row.timers, row.reason,
        )  # fmt: skip


class AgendaFigures(NamedTuple):
    """The counts of an agenda."""

    running: int = 0
    ended: int = 0
    unheard: int = 0
    orders: int = 0
    timers: int = 0
    next_timer: datetime | None = None
    oldest: datetime | None = None

    @classmethod
    def of(cls, agenda: AnyAgenda, now: int) -> AgendaFigures:
        """Count what an agenda lists at a time, in microseconds since 1970."""
        event, order = agenda.unheard.first(), agenda.by_position.first()
        timer = agenda.by_due.first()
        waits = [one.time for one in (event, order) if one is not None]
        waits += [timer.due] if timer is not None and timer.due <= now else []
        return cls(
            running=agenda.states["running"],
            ended=agenda.states["ended"],
            unheard=agenda.unheard.count(),
            orders=agenda.orders.count(),
            timers=agenda.timers.count(),
            next_timer=None if timer is None else moment(timer.due),
            oldest=moment(min(waits)) if waits else None,
        )
