"""A thread that calls callbacks when they are due. `ThreadRuntime` makes it."""

from __future__ import annotations

import heapq
import itertools
import threading
import time

from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.engine_thread import enter_engine_thread
from comity.actors.runtime.runtime import Callback


class ThreadTimer:
    """A callback that is due at a later time."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Drop the callback, unless it has begun."""
        self.callback = None


class ThreadTimers:
    """Sleeps until the next callback is due. The first callback starts the thread."""

    def __init__(self, name: str) -> None:
        self._later: list[tuple[float, int, ThreadTimer]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def call_later(self, seconds: float, callback: Callback) -> ThreadTimer:
        """Call `callback` after `seconds`."""
        timer = ThreadTimer(callback)
        with self._changed:
            if not self._stopped:
                if self._thread.ident is None:
                    self._thread.start()
                heapq.heappush(self._later, (time.monotonic() + seconds, next(self._order), timer))
                self._changed.notify()
        return timer

    def stop(self, timeout: float) -> None:
        """Call nothing more. Waits at most `timeout` seconds for the current callback."""
        with self._changed:
            self._stopped = True
            self._later.clear()
            self._changed.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(min(timeout, threading.TIMEOUT_MAX))

    def _run(self) -> None:
        enter_engine_thread()
        while (timer := self._next()) is not None:
            if timer.callback is not None:
                attempt(timer.callback)

    def _next(self) -> ThreadTimer | None:
        """Wait for the next timer that is due; None: the timers are stopped."""
        with self._changed:
            while not self._stopped:
                if not self._later:
                    self._changed.wait()
                elif (left := self._later[0][0] - time.monotonic()) > 0:
                    self._changed.wait(left)
                else:
                    return heapq.heappop(self._later)[2]
        return None
