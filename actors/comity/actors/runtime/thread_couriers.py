"""Couriers that call plain functions, each on a thread. `ThreadRuntime` makes them."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from queue import SimpleQueue
from typing import cast

from comity.actors.runtime.limited_calls import Call, LimitedCalls
from comity.actors.runtime.runtime import Errands, Interrupted, Told
from comity.engine.errors import describe_error


class ThreadCouriers:
    """As many threads as there are calls at once. A call that hangs keeps its thread."""

    def __init__(self, name: str, errands: Errands) -> None:
        self._calls = LimitedCalls(name, errands)
        self._queue: SimpleQueue[Call | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0  # threads that wait for a call, less the calls that wait for a thread
        self._threads = 0
        self._opening = threading.Lock()
        self._opened = False

    @property
    def full(self) -> str:
        """See `Couriers.full`."""
        return self._calls.full

    def send(self, call: Callable[[], object], told: Told) -> None:
        """See `Couriers.send`."""
        one = self._calls.begin(call, told)
        if one is None:
            return
        with self._lock:
            self._idle -= 1
            grow = self._idle < 0
            if grow:
                self._idle += 1
                self._threads += 1
        if grow:
            thread = threading.Thread(target=self._work, name=self._calls.name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                with self._lock:
                    self._threads -= 1
                self._calls.end(one, Interrupted(f"no thread can be started: {error}"))
                return
        self._queue.put(one)

    def stop(self, timeout: float) -> None:
        """See `Couriers.stop`."""
        self._calls.wait(timeout)
        self.kill()
        if self._opened:
            closing = threading.Thread(target=self._close, name=self._calls.name, daemon=True)
            with suppress(RuntimeError):
                closing.start()
                closing.join(min(max(timeout, 0.1), self._calls.errands.seconds))

    def kill(self) -> None:
        """See `Couriers.kill`."""
        self._calls.stop()
        for _ in range(self._threads):
            self._queue.put(None)

    def _work(self) -> None:
        while (one := self._queue.get()) is not None:
            error: BaseException | None = None
            try:
                self._open()
                _check_plain(one.call())
            except BaseException as raised:
                error = raised
            if not self._calls.end(one, error):  # another thread has its place meanwhile
                break
            with self._lock:
                self._idle += 1
        with self._lock:
            self._threads -= 1

    def _open(self) -> None:
        """Call `open` once, on the first thread that needs it; others wait."""
        if self._opened:
            return
        with self._opening:
            if not self._opened:
                try:
                    self._calls.errands.open()
                except BaseException as error:
                    raise Interrupted(f"open raised {describe_error(error)}") from error
                self._opened = True

    def _close(self) -> None:
        self._calls.errands.close()


def _check_plain(answer: object) -> None:
    """Refuse an answer that somebody would have to await."""
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            cast("Coroutine[object, object, object]", answer).close()
        msg = "deliver returned something to await, and is not async: write `async def deliver`"
        raise TypeError(msg)
