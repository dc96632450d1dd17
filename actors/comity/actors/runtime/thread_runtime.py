"""The runtime that a domain has unless it is given another one: threads, and the system's clock."""

from __future__ import annotations

from typing import Final

from comity.actors.runtime.callbacks import callbacks
from comity.actors.runtime.engine_thread import is_engine_thread
from comity.actors.runtime.pool import Pool
from comity.actors.runtime.runtime import Callback
from comity.actors.runtime.thread_timers import ThreadTimers
from comity.engine.runtime import system


class ThreadRuntime:
    """Daemon threads: they never keep a program from ending."""

    now = staticmethod(system.now)
    monotonic = staticmethod(system.monotonic)
    token = staticmethod(system.token)

    def executor(self, name: str, threads: int = 1, most: int = 1) -> Pool:
        """A pool of threads."""
        return Pool(name, threads, most)

    def timers(self, name: str) -> ThreadTimers:
        """A thread that waits for the next thing to do."""
        return ThreadTimers(name)

    def sleeper(self) -> ThreadSleeper:
        """A lock to wait at."""
        return ThreadSleeper()

    def call_soon(self, callback: Callback) -> None:
        """Call it on the thread that all hosts' callbacks share."""
        callbacks.soon(callback)

    def start(self, name: str, function: Callback) -> None:
        """Call it on a thread of its own; here, where Python is ending and starts none."""
        try:
            system.start(name, function)
        except RuntimeError:
            function()

    def may_help(self) -> bool:
        """Whether this thread is a host's, and not the main thread.

        Ctrl-C would interrupt that one in the middle of a decision or a commit.
        """
        return not is_engine_thread() and not system.is_main_thread()


class ThreadSleeper:
    """A thread that waits."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = system.Lock()
        self._lock.acquire()

    def wake(self) -> None:
        """Let it go on."""
        self._lock.release()

    def sleep(self, seconds: float | None) -> bool:
        """Wait until woken."""
        return self._lock.acquire(timeout=-1 if seconds is None else seconds)


THREADS: Final = ThreadRuntime()
"""It has no state, so that one serves every domain."""
