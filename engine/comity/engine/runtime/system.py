"""The system's own clock, randomness, locks and threads: the one place that asks for them.

For what stands below any domain, such as files and LMDB, for programs of the command line, and for
the runtime of threads. What runs in a domain's life asks the runtime that it was handed: a test may
hand it another one. Locks are for all.
"""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex as token
from threading import TIMEOUT_MAX as LONGEST
from threading import Condition, Lock, RLock, Thread, current_thread, main_thread
from threading import Event as Flag
from threading import local as ThreadLocal  # noqa: N812 - it is a class
from time import monotonic, time_ns
from time import sleep as pause

__all__ = [
    "LONGEST", "SYSTEM_CLOCK", "Condition", "Flag", "Lock", "RLock", "SystemClock", "ThreadLocal",
    "is_main_thread", "monotonic", "now", "pause", "start", "time_ns", "token",
]  # fmt: skip


def now() -> int:
    """Microseconds since 1970, UTC."""
    return time_ns() // 1_000


def start(name: str, function: Callable[[], None]) -> None:
    """Call it on a daemon thread of its own.

    Raises:
        RuntimeError: there are no more threads, or Python is ending.
    """
    Thread(target=function, name=name, daemon=True).start()


def is_main_thread() -> bool:
    """Whether this is the thread that gets Ctrl-C."""
    return current_thread() is main_thread()


class SystemClock:
    """The operating system's clock, to be handed on."""

    now = staticmethod(now)
    monotonic = staticmethod(monotonic)


SYSTEM_CLOCK = SystemClock()
