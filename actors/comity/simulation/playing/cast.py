"""The people of a run: those of all crowds, with their scripts and arrivals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, cast

from comity.engine.errors import WiringError
from comity.simulation.people.person import Person
from comity.simulation.playing.life import Life

if TYPE_CHECKING:
    from comity.simulation.people.server import Server
    from comity.simulation.playing.asked import Asked


def cast_of(asked: Asked, server: Server) -> Iterator[tuple[Life, float]]:
    """Yield the people of a run with their scripts, and when each arrives, in seconds.

    The same seed gives the same names and arrivals. In a shrunk run only those come who send
    something.

    Raises:
        WiringError: `asked.people` is no whole number above 0.
    """
    sizes = scaled([crowd.people for crowd in asked.crowds], asked.people)
    kept = None if asked.kept is None else {name for name, _ in asked.kept}
    for crowd, size in zip(asked.crowds, sizes, strict=True):
        network = crowd.network or asked.network
        for number, (name, arrives) in enumerate(crowd.arrivals(asked.seed, size), 1):
            if kept is None or name in kept:
                person = Person(name, number, server, network, asked.seed)
                yield Life(name, number, crowd.script(person), person.begun_late), arrives


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
