"""The thread for what is done by the clock: deadlines, rests, idle aggregates, stalled threads."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Protocol

from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.pending import enter_engine_thread


class Sleeper(Protocol):
    """What can be woken."""

    def wake(self) -> None:
        """Go on."""
        ...


class Housekeeper:
    """Does `chores()` a few times a second, and wakes actors when their rest is over."""

    INTERVAL = 0.25
    """Seconds between two rounds."""

    def __init__(self, chores: Callable[[], None]) -> None:
        self._chores = chores
        self._sleepers: list[tuple[float, int, Sleeper]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="comity-housekeeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake_in(self, seconds: float, actor: Sleeper) -> None:
        """Wake the actor after so many seconds."""
        with self._changed:
            until = time.monotonic() + seconds
            heapq.heappush(self._sleepers, (until, next(self._order), actor))
            self._changed.notify()

    def stop(self, timeout: float) -> None:
        """End, waiting at most so many seconds for a round to finish."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(min(timeout, threading.TIMEOUT_MAX))

    def _run(self) -> None:
        enter_engine_thread()
        next_round = time.monotonic() + self.INTERVAL
        while True:
            with self._changed:
                first = self._sleepers[0][0] if self._sleepers else next_round
                self._changed.wait(max(0.0, min(first, next_round) - time.monotonic()))
                if self._stopped:
                    return
                now = time.monotonic()
                due: list[Sleeper] = []
                while self._sleepers and self._sleepers[0][0] <= now:
                    due.append(heapq.heappop(self._sleepers)[2])
            for actor in due:
                attempt(actor.wake)
            if now >= next_round:
                next_round = now + self.INTERVAL
                attempt(self._chores)
