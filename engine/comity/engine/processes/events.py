"""The events of an instance of a process. Their names and fields are stored, so they only grow.

The instance's stream has type `process.name` and the instance's key. One step is one record: first
what was heard (`ProcessHeard`, `OrderAnswered` or `TimerRang`), then all that follows from it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from comity.engine.merging.refusals import Scalar
from comity.engine.merging.report import Outcome
from comity.engine.messages.message import Event
from comity.engine.messages.value import Value
from comity.engine.processes.packed import Packed

INSTALLED = "*"
"""The key of the stream that keeps where the process begins in the journal."""


class Copied(Value):
    """A copy of an event as it was when the process heard it."""

    type: str
    """The type and key of the aggregate whose event it is."""
    key: str
    version: int
    position: int
    """Which of the journal's events it is."""
    time: datetime
    """When it was decided."""
    who: str = ""
    session: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    """The metadata of its command, as pairs."""
    hops: int = 0
    """How many orders of processes led to it, one through the other."""
    name: str
    """Its stored name."""
    schema_of: int
    """The schema version of its fields."""
    readable: int = 0
    """The oldest schema version of programs that may read it; 0: that of its fields."""
    stamp: int = 0
    """The stamp of the class that validated its fields; 0: none."""
    data: Packed
    """Its fields."""


class ProcessInstalled(Event):
    """A domain was opened with the process for the first time. Only in the stream `*`."""

    start: int
    """The position after which the process hears events."""
    touches = "process"


class ProcessHeard(Copied, Event):
    """The instance has heard an event."""

    touches = "process"


class OrderGiven(Event):
    """The instance orders a command."""

    number: int
    """Which of the instance's orders it is, from 1; never given twice."""
    name: str
    """What its answer is known by."""
    type: str
    """The type and key of the aggregate that is to obey."""
    key: str
    command: str
    """The stored name of the command."""
    schema_of: int
    """The schema version of the command's fields."""
    data: Packed
    """The command's fields."""
    seen: int | None = None
    """The version that the command is written on; None: the newest."""
    hops: int = 1
    """How many orders of processes led to the command, one through the other, with this one."""
    depth: int = 1
    """How many steps of the instance led to it since the last thing from outside."""
    touches = "process"


class OrderAnswered(Event):
    """The answer to an order."""

    number: int
    name: str
    outcome: Outcome
    code: str = ""
    """The name of the refusal's class; empty if it was not refused."""
    reason: str = ""
    fields: tuple[tuple[str, Scalar], ...] = ()
    """The refusal's fields, as pairs."""
    version: int = 0
    position: int = 0
    touches = "process"


class TimerSet(Event):
    """The instance sets a timer, in place of the one of the same name."""

    name: str
    number: int
    """Which of the instance's timers it is, from 1; never given twice."""
    due: datetime
    hops: int = 0
    depth: int = 1
    touches = "process"


class TimerCancelled(Event):
    """The instance cancels a timer."""

    name: str
    number: int
    touches = "process"


class TimerRang(Event):
    """A timer has rung."""

    name: str
    number: int
    due: datetime
    touches = "process"


class ProcessEnded(Event):
    """The instance hears nothing more, and has no timers any more."""

    reason: str = ""
    by_hand: bool = False
    """Whether a person ended it. Then its open orders are given up, too."""
    upto: int = 0
    """The position up to which it hears nothing any more, also no event that would begin it."""
    touches = "process"


ProcessEvent: TypeAlias = (
    ProcessInstalled
    | ProcessHeard
    | OrderGiven
    | OrderAnswered
    | TimerSet
    | TimerCancelled
    | TimerRang
    | ProcessEnded
)
