"""Pendings for a read model to reach a position. Projectors and pollers settle them."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from comity.actors.runtime.pending import Pending, settle
from comity.actors.runtime.runtime import Runtime
from comity.engine.errors import Behind, Closed, ComityError
from comity.engine.runtime.system import Lock


class Waiters:
    """Pendings by position, each with a deadline."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = Lock()
        self._heap: list[tuple[int, int, float, Pending[int]]] = []
        self._order = itertools.count()
        self.position = -1
        """The model's position at the last `reached`."""
        self.closed = False
        """Whether `close` was called: the model gets no more events."""

    def __len__(self) -> int:
        return len(self._heap)

    def wait(self, position: int, timeout: float) -> Pending[int]:
        """Return a pending for the model's position once that is `position` or later.

        If that takes longer than `timeout` seconds, the answer is an error.
        """
        pending: Pending[int] = Pending(f"position {position}", self._runtime)
        with self._lock:
            answer = self.position
            if answer < position and not self.closed:
                until = self._runtime.monotonic() + timeout
                heapq.heappush(self._heap, (position, next(self._order), until, pending))
                return pending
        settle([(pending, answer if answer >= position else Closed("nobody projects any more"))])
        return pending

    def reached(self, position: int) -> None:
        """Note the model's new position, and answer the pendings that it satisfies."""
        done: list[Pending[int]] = []
        with self._lock:
            self.position = position
            while self._heap and self._heap[0][0] <= position:
                done.append(heapq.heappop(self._heap)[3])
        if done:
            settle([(pending, position) for pending in done])

    def expire(self, explain: Callable[[int], Behind]) -> None:
        """Answer the pendings whose time is over with the error that `explain` makes."""
        now = self._runtime.monotonic()
        self._answer(explain, lambda until: until <= now)

    def give_up(self, explain: Callable[[int], Behind], unless: Callable[[], bool]) -> None:
        """Answer all with an error: the model stands still, `unless` that function returns True."""
        self._answer(explain, lambda _: not unless())

    def _answer(self, explain: Callable[[int], Behind], over: Callable[[float], bool]) -> None:
        if not self._heap:
            return
        with self._lock:
            answered = [one for one in self._heap if over(one[2])]
            if answered:
                numbers = {number for _, number, _, _ in answered}
                self._heap = [one for one in self._heap if one[1] not in numbers]
                heapq.heapify(self._heap)
        settle([(pending, _explained(explain, position)) for position, _, _, pending in answered])

    def close(self, explain: Callable[[int], Behind]) -> None:
        """Answer all pendings with an error, and later ones at once."""
        with self._lock:
            self.closed = True
        self.give_up(explain, unless=lambda: False)


def _explained(explain: Callable[[int], Behind], position: int) -> ComityError:
    """Make the error for a position; if `explain` raises, return an error that says so."""
    try:
        return explain(position)
    except ComityError as error:
        return error
    except Exception as error:
        return Behind(f"position {position:,} was wanted, and cannot be told: {error!r}", -1)
