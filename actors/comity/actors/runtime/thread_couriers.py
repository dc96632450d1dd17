"""Couriers that call plain functions, each on a thread. `ThreadRuntime` makes them."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from typing import cast

from comity.actors.runtime.limited_calls import Call, LimitedCalls
from comity.actors.runtime.runtime import Errands, Interrupted, Told
from comity.engine.errors import describe_error


class ThreadCouriers(LimitedCalls):
    """As many threads as there are calls at once. A call that hangs keeps its thread."""

    def __init__(self, name: str, errands: Errands) -> None:
        super().__init__(name, errands)
        self._queue: SimpleQueue[Call | None] = SimpleQueue()
        self._counting = threading.Lock()
        self._idle = 0  # threads that wait for a call, less the calls that wait for a thread
        self._threads = 0
        self._opening = threading.Lock()
        self._opened = False

    def send(self, call: Callable[[], object], told: Told) -> None:
        """See `Couriers.send`."""
        one = self.begin(call, told)
        if one is None:
            return
        with self._counting:
            self._idle -= 1
            grow = self._idle < 0
            if grow:
                self._idle += 1
                self._threads += 1
        if grow:
            thread = threading.Thread(target=self._work, name=self.name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                with self._counting:
                    self._threads -= 1
                self.end(one, Interrupted(f"no thread can be started: {error}"))
                return
        self._queue.put(one)

    def late(self, one: Call) -> BaseException:
        """The error of a call that is past its limit; it is not to blame if `open` hangs."""
        error = super().late(one)
        return error if self._opened else Interrupted(f"open has not returned: {error}")

    def stop(self, timeout: float = 0.0) -> None:
        """See `Couriers.stop`."""
        self.wait(timeout)
        self.kill()
        if self._opened:
            closing = threading.Thread(target=self._close, name=self.name, daemon=True)
            with suppress(RuntimeError):
                closing.start()
                closing.join(min(max(timeout, 0.1), self.errands.seconds))

    def kill(self) -> None:
        """See `Couriers.kill`."""
        super().stop()
        for _ in range(self._threads):
            self._queue.put(None)

    def _work(self) -> None:
        while (one := self._queue.get()) is not None:
            error: BaseException | None = None
            try:
                self._open()
                if self.expects(one):  # else it has waited for `open` too long
                    _check_plain(copy_context().run(one.call))  # the thread's own stays as it is
            except BaseException as raised:
                error = raised
            if not self.end(one, error):  # another thread has its place meanwhile
                break
            with self._counting:
                self._idle += 1
        with self._counting:
            self._threads -= 1

    def _open(self) -> None:
        """Call `open` once, on the first thread that needs it; others wait."""
        if self._opened:
            return
        with self._opening:
            if not self._opened:
                try:
                    self.errands.open()
                except BaseException as error:
                    raise Interrupted(f"open raised {describe_error(error)}") from error
                self._opened = True

    def _close(self) -> None:
        self.errands.close()


def _check_plain(answer: object) -> None:
    """Refuse an answer that somebody would have to await."""
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            cast("Coroutine[object, object, object]", answer).close()
        msg = "deliver returned something to await, and is not async: write `async def deliver`"
        raise TypeError(msg)
