"""The operating system's own clock, randomness and locks: the one place that asks for them.

For what stands below any domain, such as files and LMDB, and for the runtime of threads. What runs
in a domain's life asks the clock that it was handed: a test may hand it another one.
"""

from __future__ import annotations

import time
from secrets import token_hex as token
from threading import TIMEOUT_MAX as LONGEST
from threading import Condition, Event, Lock, RLock
from threading import local as ThreadLocal  # noqa: N812 - it is a class
from time import monotonic, time_ns
from time import sleep as pause

__all__ = [
    "LONGEST", "SYSTEM_CLOCK", "Condition", "Event", "Lock", "RLock", "SystemClock", "ThreadLocal",
    "monotonic", "now", "pause", "time_ns", "token",
]  # fmt: skip


def now() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1_000


class SystemClock:
    """The operating system's clock, to be handed on."""

    now = staticmethod(now)
    monotonic = staticmethod(time.monotonic)


SYSTEM_CLOCK = SystemClock()
