"""The operating system's clock, random numbers, locks and threads; all are imported from here.

For code that belongs to no domain, such as files and LMDB, for command-line programs, and for the
runtime of threads. The parts of a domain use the domain's runtime instead, because a test may pass
another runtime. Any code may use the locks.
"""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex as token
from threading import TIMEOUT_MAX as LONGEST
from threading import Condition, Lock, RLock, Thread, current_thread, main_thread
from threading import Event as Flag
from threading import get_ident as this_thread
from threading import local as ThreadLocal  # noqa: N812 - it is a class
from time import monotonic, time_ns
from time import sleep as pause

__all__ = [
    "LONGEST", "SYSTEM_CLOCK", "Condition", "Flag", "Lock", "RLock", "SystemClock", "ThreadLocal",
    "is_main_thread", "monotonic", "now", "pause", "start", "this_thread",
    "time_ns", "token",
]  # fmt: skip


def now() -> int:
    """Return microseconds since 1970, UTC."""
    return time_ns() // 1_000


def start(name: str, function: Callable[[], None]) -> None:
    """Call `function` on a new daemon thread with this name.

    Raises:
        RuntimeError: no thread can be started, or Python is ending.
    """
    Thread(target=function, name=name, daemon=True).start()


def is_main_thread() -> bool:
    """Return whether this is the main thread, which gets Ctrl-C."""
    return current_thread() is main_thread()


class SystemClock:
    """The operating system's clock, as a `Clock`."""

    now = staticmethod(now)
    monotonic = staticmethod(monotonic)


SYSTEM_CLOCK = SystemClock()
