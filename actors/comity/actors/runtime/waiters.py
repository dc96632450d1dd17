"""Those who wait until a read model has a position. Projectors and pollers answer them."""

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
        """Where the model was when that was told last."""
        self.closed = False
        """Whether nobody projects any more."""

    def __len__(self) -> int:
        return len(self._heap)

    def wait(self, position: int, timeout: float) -> Pending[int]:
        """Answered with the model's position once it is this one or later."""
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
        """The model has this position now."""
        done: list[Pending[int]] = []
        with self._lock:
            self.position = position
            while self._heap and self._heap[0][0] <= position:
                done.append(heapq.heappop(self._heap)[3])
        if done:
            settle([(pending, position) for pending in done])

    def expire(self, explain: Callable[[int], Behind]) -> None:
        """Answer those whose time is over."""
        now = self._runtime.monotonic()
        self._answer(explain, lambda until: until <= now)

    def give_up(self, explain: Callable[[int], Behind], unless: Callable[[], bool]) -> None:
        """Answer all: the model will not get there, `unless` somebody makes it go on."""
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
        """Answer all, and whoever comes later."""
        with self._lock:
            self.closed = True
        self.give_up(explain, unless=lambda: False)


def _explained(explain: Callable[[int], Behind], position: int) -> ComityError:
    """Why it is not there; where even that cannot be told, the error that says so."""
    try:
        return explain(position)
    except ComityError as error:
        return error
    except Exception as error:
        return Behind(f"position {position:,} was wanted, and cannot be told: {error!r}", -1)
