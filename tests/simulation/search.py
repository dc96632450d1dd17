"""Searches the engine for faults, seed by seed: python -m tests.simulation.search 0 100000.

With one seed it plays that one, and tells the smallest run that fails in the same way.

A seed is printed with the version of the search, for example `1:17`. Even seeds are played in
random order, odd ones by priorities (PCT). In every tenth seed turns are interrupted between lines.
"""

from __future__ import annotations

import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple, Self

from tests.simulation.preemption import preempting
from tests.simulation.whole_engine import VERSION, WholeEngine

from comity.simulation.runtime.order import Order, Priorities, RandomOrder
from comity.simulation.runtime.tape import Draws, Tape
from comity.simulation.shrinking.draws import describe_draws, shrink_draws
from comity.simulation.shrinking.patience import Patience

INTERRUPTED: Final = (8, 19)
"""The seeds of each twenty in which turns are interrupted, in random order and by priorities."""


KIND: Final = 16
"""The first characters of a failure that must stay the same while it is shrunk."""


class Seed(NamedTuple):
    """A seed of a version of the search."""

    version: int
    number: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a printed seed.

        Raises:
            ValueError: it is none, or another version of the search has printed it.
        """
        version, colon, number = text.rpartition(":")
        if not number.isdecimal() or (colon and not version.isdecimal()):
            msg = f"expected a seed such as {VERSION}:17, got {text!r}"
            raise ValueError(msg)
        if colon and int(version) != VERSION:
            msg = (
                f"{text} is a seed of version {version} of the search, and this is version "
                f"{VERSION}: it gives another run here. Check out the older commit to repeat it"
            )
            raise ValueError(msg)
        return cls(VERSION, int(number))

    def __str__(self) -> str:
        return f"{self.version}:{self.number}"


def order_of(number: int) -> Order:
    """The order in which a seed is played."""
    return Priorities() if number % 2 else RandomOrder()


def play(number: int, tape: Tape | None = None) -> Counter[str]:
    """Play and check one seed; or a tape, in the way in which this seed is played."""
    tape, order = tape or Tape(number), order_of(number)
    if number % 20 not in INTERRUPTED:
        return WholeEngine(tape, order).play()
    with preempting(tape, order) as timeline:
        counted = WholeEngine(tape, order, timeline).play()
        counted["interrupted"] = timeline.interrupted
        return counted


def search(first: int, last: int, every: int = 1_000) -> list[str]:
    """Play these seeds, print how it goes, and return what was found."""
    found: list[str] = []
    counted: Counter[str] = Counter()
    began = time.perf_counter()
    for number in range(first, last):
        try:
            counted += play(number)
        except Exception as error:
            found.append(f"seed {Seed(VERSION, number)}: {type(error).__name__}: {error}")
            print(found[-1], flush=True)
        if number % 100 == 0:
            gc.collect()  # seldom: it takes a tenth of the time otherwise
        if (number + 1 - first) % every == 0:
            done, seconds = number + 1 - first, time.perf_counter() - began
            rate = f"{done / seconds:.1f} a second, {done / time.process_time():.1f} a CPU-second"
            print(f"{done:,} seeds, {rate}, {len(found)} found", flush=True)
    print(f"{last - first:,} seeds, {len(found)} found: {dict(counted)}", flush=True)
    return found


def tell(seed: Seed) -> str:
    """Play one seed; if it fails, say how, and what is left of it when it is shrunk."""
    tape = Tape(seed.number, keeps=True)
    failed = failure(seed.number, tape)
    if not failed:
        return f"seed {seed}: nothing is found"

    def still_fails(draws: Draws) -> bool:
        return failure(seed.number, Tape(draws=draws))[:KIND] == failed[:KIND]

    small = shrink_draws(tape.draws, still_fails, Patience(60))
    left = failure(seed.number, Tape(draws=small))
    return f"seed {seed}: {failed}\nshrunk: {left}\n{describe_draws(small)}"


def failure(number: int, tape: Tape) -> str:
    """The error of a run; empty if it does not fail."""
    try:
        play(number, tape)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main(arguments: Sequence[str]) -> int:
    """Search the seeds from the first argument to the second, or tell about one seed."""
    logging.disable(logging.CRITICAL)  # it says a lot where disks fail and processes crash
    if len(arguments) == 1:
        print(tell(Seed.read(arguments[0])))
        return 0
    gc.disable()
    return bool(search(*map(int, arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
