"""Random choices from a stream that a seed and a name determine.

Each person of a simulation has streams of its own, so that one person more does not change what
the others do.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar, cast

from comity.engine.errors import Invalid

T = TypeVar("T")


class Dice:
    """A stream of random choices: the same seed and name give the same choices."""

    def __init__(self, seed: int, name: str) -> None:
        self._dice = random.Random(f"{seed} {name}")  # noqa: S311 - the same for the same seed
        self._skewed: dict[tuple[int, float], list[float]] = {}

    def random(self) -> float:
        """Return a number from 0 up to, but not including, 1."""
        return self._dice.random()

    def chance(self, probability: float) -> bool:
        """Return true with this probability."""
        return self._dice.random() < probability

    def uniform(self, low: float, high: float) -> float:
        """Return a number between `low` and `high`."""
        return self._dice.uniform(low, high)

    def exponential(self, mean: float) -> float:
        """Return a number from the exponential distribution, for times between random events."""
        return self._dice.expovariate(1 / mean) if mean > 0 else 0.0

    def normal(self, mean: float, deviation: float) -> float:
        """Return a number from the normal distribution, at least 0: for times and sizes."""
        return max(0.0, self._dice.gauss(mean, deviation))

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return self._dice.randint(low, high)

    def choose(self, things: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Return one of the things, each with the same probability or with its weight.

        Raises:
            Invalid: there is none, or they have no order, as in a set.
        """
        _check(things)
        if weights is None:
            return things[int(self._dice.random() * len(things))]
        return self._dice.choices(things, weights)[0]

    def zipf(self, things: Sequence[T], skew: float = 1.0) -> T:
        """Return one of the things, the first ones far more often: number n with 1 / n ** skew.

        Raises:
            Invalid: there is none, or they have no order, as in a set.
        """
        _check(things)
        sums = self._skewed.get((len(things), skew))
        if sums is None:
            sums = list(accumulate(1 / number**skew for number in range(1, len(things) + 1)))
            self._skewed[len(things), skew] = sums
        return things[bisect(sums, self._dice.random() * sums[-1], hi=len(things) - 1)]


def _check(things: Sequence[object]) -> None:
    if not isinstance(cast("object", things), Sequence):
        msg = (
            f"expected a list or tuple to choose from, got {type(things).__name__}: a set has "
            "another order in each process, so write sorted(...) around it"
        )
        raise Invalid(msg)
    if not things:
        msg = "there is nothing to choose from: the list is empty"
        raise Invalid(msg)
