"""A few threads that run many actors: each actor with messages in its inbox gets a turn."""

from __future__ import annotations

import logging
import threading
import time
from queue import SimpleQueue

from comity.actors.runtime.engine_thread import enter_engine_thread
from comity.actors.runtime.runtime import Runnable

_log = logging.getLogger("comity")


class Pool:
    """Runs actors on `threads` daemon threads, and on up to `most` if all are held up."""

    STALLED = 1.0
    """Seconds after which a turn counts as held up, if others wait."""

    def __init__(self, name: str, threads: int, most: int) -> None:
        self._name = name
        self._most = most
        self._ready: SimpleQueue[Runnable | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._since: dict[int, float] = {}  # thread number -> when its turn began
        for _ in range(threads):
            self._grow()

    def schedule(self, runnable: Runnable) -> None:
        """Queue the runnable for one turn. The runnable itself avoids being queued twice."""
        self._ready.put(runnable)

    def relieve(self) -> None:
        """Add a thread if actors wait while every thread is held up. Call it now and then."""
        if self._ready.empty() or len(self._threads) >= self._most:
            return
        now = time.monotonic()
        begun = list(self._since.values())
        if len(begun) >= len(self._threads) and all(now - one > self.STALLED for one in begun):
            _log.warning(
                "%s: all %d threads have been held up for over %g s; one more joins. Slow decide?",
                self._name, len(self._threads), self.STALLED,
            )  # fmt: skip
            try:
                self._grow()
            except RuntimeError as error:
                _log.warning("%s: no thread can be added: %s", self._name, error)

    @property
    def threads(self) -> int:
        """How many threads there are."""
        return len(self._threads)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return self._ready.empty() and not self._since

    def stop(self, timeout: float) -> bool:
        """End the threads after the queued turns, waiting at most `timeout` seconds.

        False: a turn takes longer.
        """
        for _ in self._threads:
            self._ready.put(None)
        until = time.monotonic() + timeout
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(min(threading.TIMEOUT_MAX, max(0.0, until - time.monotonic())))
        return not any(thread.is_alive() for thread in self._threads)

    def _grow(self) -> None:
        number = len(self._threads)
        thread = threading.Thread(
            target=self._work, args=(number,), name=f"{self._name}-{number}", daemon=True
        )
        thread.start()
        self._threads.append(thread)

    def _work(self, number: int) -> None:
        enter_engine_thread()
        while (runnable := self._ready.get()) is not None:
            self._since[number] = time.monotonic()
            try:
                runnable.run()
            except BaseException:
                _log.exception("%s: a turn of %r raised; the pool goes on", self._name, runnable)
            finally:
                del self._since[number]
