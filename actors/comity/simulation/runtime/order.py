"""The orders in which steps are done: at random, first in first out, by priorities, one by one.

The timeline asks an order which of the steps that are ready comes next, and keeps the answer on the
tape. So a tape can be played again without the order that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from comity.simulation.runtime.step import Step
from comity.simulation.runtime.tape import Stream, Tape


class Order(Protocol):
    """Chooses the next step."""

    def begin(self, tape: Tape) -> None:
        """Begin a run whose choices are drawn from this tape."""
        ...

    def pick(self, ready: Sequence[Step]) -> int:
        """Return the index of the next step among those that are ready, the oldest first."""
        ...


class RandomOrder:
    """Any step that is ready, each as likely as the other."""

    _draws: Stream

    def begin(self, tape: Tape) -> None:
        """See `Order.begin`."""
        self._draws = tape.stream("picks")

    def pick(self, ready: Sequence[Step]) -> int:
        """See `Order.pick`."""
        return self._draws.below(len(ready))


class FirstInFirstOut:
    """The step that has been ready for the longest time."""

    def begin(self, tape: Tape) -> None:
        """See `Order.begin`."""

    def pick(self, ready: Sequence[Step]) -> int:
        """See `Order.pick`."""
        return 0


class Priorities:
    """The ready step of the thread with the highest priority: PCT, after Burckhardt and others.

    Each simulated thread has a random priority. At a few random moments the thread that is about to
    run gets the lowest priority. A fault that needs only a few such moments shows in many runs,
    also if a thread must be held up for long, which random order hardly ever does.

    Args:
        changes: how many such moments there are.
        steps: how many steps a run has, more or less; the moments are among them.
    """

    def __init__(self, changes: int = 3, steps: int = 400) -> None:
        self._changes = changes
        self._steps = steps

    def begin(self, tape: Tape) -> None:
        """See `Order.begin`."""
        self._draws = tape.stream("priorities")
        self._moments = {self._draws.below(self._steps) for _ in range(self._changes)}
        self._priorities: dict[str, float] = {}
        self._picked = 0

    def pick(self, ready: Sequence[Step]) -> int:
        """See `Order.pick`."""
        index = self._highest(ready)
        self._picked += 1
        if self._picked in self._moments:
            self._priorities[ready[index].name] = -self._picked
            index = self._highest(ready)
        return index

    def _highest(self, ready: Sequence[Step]) -> int:
        known, draws = self._priorities, self._draws
        best, index = -1e9, 0
        for at, step in enumerate(ready):
            priority = known.get(step.name)
            if priority is None:
                priority = known[step.name] = draws.random()
            if priority > best:
                best, index = priority, at
        return index


class DepthFirst:
    """Every order of the first choices, one run after another; then the oldest step. For tiny runs.

    Example:
        order = DepthFirst(6)
        while order.has_more():
            play(SimulatedRuntime(7, order))

    Args:
        depth: how many choices between several steps are tried in all ways. Three ready steps at
            each of 6 choices are 729 runs.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._path: list[int] = []
        self._widths: list[int] = []
        self._runs = 0
        self._at = 0

    def has_more(self) -> bool:
        """Whether another run is to be played; it is chosen by this call."""
        self._runs += 1
        if self._runs == 1:
            return True
        while self._path:
            if self._path[-1] + 1 < self._widths[len(self._path) - 1]:
                self._path[-1] += 1
                return True
            self._path.pop()
        return False

    def begin(self, tape: Tape) -> None:
        """See `Order.begin`."""
        self._at, self._widths = 0, []

    def pick(self, ready: Sequence[Step]) -> int:
        """See `Order.pick`."""
        if len(ready) == 1 or self._at >= self._depth:
            return 0
        self._widths.append(len(ready))
        if self._at >= len(self._path):
            self._path.append(0)
        self._at += 1
        return min(self._path[self._at - 1], len(ready) - 1)
