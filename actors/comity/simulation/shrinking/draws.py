"""Shrinks a tape: fewer and smaller draws with which a run still fails.

Zero is the simplest draw: the oldest step, no fault. So what is left tells what matters: first in
first out everywhere, and no fault, except here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from comity.simulation.runtime.tape import Draws
from comity.simulation.shrinking.patience import Patience

FEW = 1_000
"""Draws from here on are only halved: each step down by one is a run to be played."""

StillFails: TypeAlias = Callable[[Draws], bool]


def shrink_draws(
    draws: Draws, still_fails: StillFails, patience: Patience | None = None
) -> dict[str, list[int]]:
    """Return the smallest draws with which the run still fails.

    Args:
        draws: what a failing run has drawn: `tape.draws` of a tape that keeps them.
        still_fails: plays a run with `Tape(draws=...)`, and says whether it fails in the same way.
        patience: how long to try; the result is then the best one so far.

    Example:
        tape = Tape(17, keeps=True)
        ...  # play it: it fails
        small = shrink_draws(tape.draws, lambda draws: fails(Tape(draws=draws)))
        print(describe_draws(small))
    """
    patience = patience or Patience()
    best = _trimmed(draws)
    while True:
        before = best
        for shorter in (_without_streams, _without_blocks, _with_smaller):
            best = _try_all(best, shorter, still_fails, patience)
        if best == before:
            return {name: list(numbers) for name, numbers in best.items()}


def describe_draws(draws: Draws) -> str:
    """Say what is left, a line for each draw that is not zero."""
    lines = [
        f"{name} #{index}: {number}"
        for name, numbers in sorted(draws.items())
        for index, number in enumerate(numbers)
        if number
    ]
    return "\n".join(["first in first out, and no fault, except:", *lines])


Smaller: TypeAlias = Callable[[Draws], Iterator[Draws]]
"""Gives draws that are smaller than these, the smallest first."""


def _try_all(best: Draws, smaller: Smaller, still_fails: StillFails, patience: Patience) -> Draws:
    """Return the smallest of the draws that still fails; begin anew with each that does."""
    again = True
    while again:
        again = False
        for one in map(_trimmed, smaller(best)):
            if _weight(one) >= _weight(best):
                continue
            if not patience.takes():
                return best
            if still_fails(one):
                best, again = one, True
                break
    return best


def _without_streams(draws: Draws) -> Iterator[Draws]:
    for name in draws:
        yield {**draws, name: ()}


def _without_blocks(draws: Draws) -> Iterator[Draws]:
    """Leave out blocks of draws, or make them zero."""
    size = max(map(len, draws.values()), default=0)
    while size:
        for name, numbers in draws.items():
            for at in range(0, len(numbers), size):
                block = numbers[at : at + size]
                if len(numbers) >= size:
                    yield {**draws, name: [*numbers[:at], *numbers[at + size :]]}
                if any(block):
                    zeros = [0] * len(block)
                    yield {**draws, name: [*numbers[:at], *zeros, *numbers[at + size :]]}
        size //= 2


def _with_smaller(draws: Draws) -> Iterator[Draws]:
    for name, numbers in draws.items():
        for at, number in enumerate(numbers):
            lower = (number // 2, number - 1) if number < FEW else (number // 2,)
            for less in lower if number else ():
                yield {**draws, name: [*numbers[:at], less, *numbers[at + 1 :]]}


def _weight(draws: Draws) -> tuple[int, int, int]:
    """How large the draws are: those that are not zero, all of them, their sum."""
    every = [number for numbers in draws.values() for number in numbers]
    return sum(map(bool, every)), len(every), sum(every)


def _trimmed(draws: Draws) -> Draws:
    """Return the draws without zeros at their ends: a tape that has ended gives zeros."""
    return {name: cut for name, numbers in draws.items() if (cut := _cut(numbers))}


def _cut(numbers: Sequence[int]) -> Sequence[int]:
    end = len(numbers)
    while end and not numbers[end - 1]:
        end -= 1
    return numbers[:end]
