"""The bounds and time limits of a domain, each with its unit. Hosts pass one to `Domain.open`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from threading import TIMEOUT_MAX
from typing import cast

from comity.engine.errors import WiringError


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a domain allows itself. Over a bound a sender gets `Busy`; nothing is dropped."""

    inbox: int = 1024
    """Commands of one aggregate that may be on their way at once, undecided or not yet durable."""
    max_live: int = 100_000
    """Aggregates that may be in memory at once; over it the longest idle ones leave."""
    idle: float = 300.0
    """Seconds without a command after which an aggregate leaves memory."""
    deadline: float = 30.0
    """Seconds a command may wait to be decided, where its sender does not say."""
    tail: int = 256
    """Recent events that each aggregate keeps in memory to merge with, at the least."""
    snapshot_every: int = 100
    """Events after which an aggregate that leaves memory is worth a new snapshot."""
    threads: int = 1
    """Threads that run aggregates. More do not help under the GIL; held-up ones get company."""
    max_threads: int = 8
    """Threads there may be when some of them are held up in slow domain code."""
    failures: int = 5
    """Failures of an aggregate within `failure_window` after which it is quarantined."""
    failure_window: float = 60.0
    """Seconds."""
    quarantine: float = 60.0
    """Seconds that a quarantined aggregate rests before it is tried again."""
    back_off: float = 0.05
    """Seconds that an aggregate rests after its second failure; doubled for each further one."""

    snapshot: float = 30.0
    """Seconds that a snapshot of a read model may be held: while it is, no page of it is reused."""

    def __post_init__(self) -> None:
        for one in fields(self):
            value: object = getattr(self, one.name)
            whole = one.type == "int"
            fits = type(value) is int or (not whole and type(value) is float)
            if not (fits and 0 < cast("float", value) <= TIMEOUT_MAX):
                wanted = "a whole number" if whole else "a number of seconds"
                msg = f"Policy.{one.name}: expected {wanted} above 0, got {value!r:.100}"
                raise WiringError(msg)
