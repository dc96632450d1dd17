"""The bounds and time limits of a domain, each with its unit. Hosts pass one to `Domain.open`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import cast

from comity.engine.errors import WiringError
from comity.engine.runtime.system import LONGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Bounds and time limits of a domain. Over a bound a sender gets `Busy`; nothing is dropped.

    Attributes:
        inbox: commands of one aggregate that may be on their way at once, undecided or not yet
            durable.
        max_live: aggregates that may be in memory at once; beyond it the longest idle ones leave.
        idle: seconds without a command after which an aggregate leaves memory.
        deadline: seconds a command may wait to be decided, unless its sender gives a deadline.
        tail: the least number of newest events that each aggregate keeps in memory for merging.
        snapshot_every: events after which an aggregate that leaves memory is worth a new snapshot;
            while it is live, one more for each 4 bytes of the last snapshot.
        threads: threads that run aggregates. More do not help under the GIL. If all are held up,
            threads are added.
        max_threads: the most threads, if slow domain code holds them up.
        failures: failures of an aggregate within `failure_window` after which it is quarantined.
        failure_window: seconds in which failures count together.
        quarantine: seconds that a quarantined aggregate rests before it is tried again.
        back_off: seconds that an aggregate rests after its second failure; doubled for each further
            one, up to `quarantine`.
        chores: seconds between two rounds of periodic work: late commands get their answers, idle
            aggregates leave memory.
        snapshot: seconds that a snapshot of a read model may be held; meanwhile none of its pages
            is reused.
    """

    inbox: int = 1024
    max_live: int = 100_000
    idle: float = 300.0
    deadline: float = 30.0
    tail: int = 256
    snapshot_every: int = 100
    threads: int = 1
    max_threads: int = 8
    failures: int = 5
    failure_window: float = 60.0
    quarantine: float = 60.0
    back_off: float = 0.05
    chores: float = 0.25
    snapshot: float = 30.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value: object = getattr(self, one.name)
            whole = one.type == "int"
            fits = type(value) is int or (not whole and type(value) is float)
            if not (fits and 0 < cast("float", value) <= LONGEST):
                wanted = "a whole number" if whole else "a number of seconds"
                msg = f"Policy.{one.name}: expected {wanted} above 0, got {value!r:.100}"
                raise WiringError(msg)
