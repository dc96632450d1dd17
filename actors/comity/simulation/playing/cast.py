"""The people of a run: those of all crowds, with their scripts and arrivals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple, cast

from comity.engine.errors import WiringError
from comity.simulation.people.crowd import Crowd


class Part(NamedTuple):
    """One person of a run."""

    name: str
    number: int
    """The number within the crowd, from 1."""
    crowd: Crowd
    arrives: float
    """Seconds from the beginning."""


def parts(crowds: Sequence[Crowd], seed: int, people: int | None) -> Iterator[Part]:
    """Yield the people of a run, with the same names and arrivals for the same seed.

    Args:
        crowds: the crowds of the scenario.
        seed: determines the arrivals.
        people: how many people there are in all; by default as many as the crowds have.

    Raises:
        WiringError: `people` is no whole number above 0.
    """
    sizes = scaled([crowd.people for crowd in crowds], people)
    for crowd, size in zip(crowds, sizes, strict=True):
        for number, (name, arrives) in enumerate(crowd.arrivals(seed, size), 1):
            yield Part(name, number, crowd, arrives)


def scaled(sizes: Sequence[int], people: int | None) -> list[int]:
    """Return the sizes of the crowds for so many people in all, in the same proportions.

    Raises:
        WiringError: it is no whole number above 0.
    """
    if people is None:
        return list(sizes)
    if type(cast("object", people)) is not int or people < 1:
        msg = f"people: expected a whole number above 0, got {people!r:.100}"
        raise WiringError(msg)
    bounds = list(accumulate(sizes, initial=0))
    marks = [bound * people // (bounds[-1] or 1) for bound in bounds]
    return [after - before for before, after in pairwise(marks)]
