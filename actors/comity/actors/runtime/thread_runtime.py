"""The default runtime of a domain: threads, and the system's clock."""

from __future__ import annotations

from typing import Final

from comity.actors.runtime.callbacks import callbacks
from comity.actors.runtime.engine_thread import is_engine_thread
from comity.actors.runtime.loop_couriers import LoopCouriers
from comity.actors.runtime.pool import Pool
from comity.actors.runtime.runtime import Callback, Errands
from comity.actors.runtime.thread_couriers import ThreadCouriers
from comity.actors.runtime.thread_timers import ThreadTimers
from comity.engine.runtime import system


class ThreadRuntime:
    """Implements `Runtime` with daemon threads, which never keep a program from ending."""

    now = staticmethod(system.now)
    monotonic = staticmethod(system.monotonic)
    token = staticmethod(system.token)

    def executor(self, name: str, threads: int = 1, most: int = 1) -> Pool:
        """Make a pool of threads."""
        return Pool(name, threads, most)

    def timers(self, name: str) -> ThreadTimers:
        """Make timers with a thread of their own."""
        return ThreadTimers(name)

    def couriers(self, name: str, errands: Errands) -> ThreadCouriers | LoopCouriers:
        """Make couriers that call on an event loop, or on threads."""
        return (LoopCouriers if errands.on_loop else ThreadCouriers)(name, errands)

    def sleeper(self) -> ThreadSleeper:
        """Make a sleeper for the calling thread."""
        return ThreadSleeper()

    def call_soon(self, callback: Callback) -> None:
        """Call a host's callback on the thread that all callbacks share."""
        callbacks.soon(callback)

    def start(self, name: str, function: Callback) -> None:
        """Call `function` on a new thread; on this one if Python can start none any more."""
        try:
            system.start(name, function)
        except RuntimeError:
            function()

    def may_help(self) -> bool:
        """Whether this thread is a host's, and not the main thread.

        Ctrl-C would interrupt the main thread in the middle of a decision or a commit.
        """
        return not is_engine_thread() and not system.is_main_thread()


class ThreadSleeper:
    """A host's thread that waits for something, once."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = system.Lock()
        self._lock.acquire()

    def wake(self) -> None:
        """Let the thread go on."""
        self._lock.release()

    def sleep(self, seconds: float | None) -> bool:
        """Wait for `wake`, at most `seconds`. False: they are over."""
        return self._lock.acquire(timeout=-1 if seconds is None else seconds)


THREADS: Final = ThreadRuntime()
"""The runtime of every domain by default. It has no state."""
