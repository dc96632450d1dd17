"""The tape of a run: every choice of the run is a draw from it, so that it can be played again.

A tape has named streams: one for the order of steps, one for faults, one for each person. So a draw
that is left out of one stream does not move the draws of another one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Draws: TypeAlias = Mapping[str, Sequence[int]]
"""What was drawn, by stream."""

_FRACTION = 1 << 53


class Tape:
    """Draws numbers: from a seed, or those of an earlier run.

    Zero is always the simplest draw: the oldest step, no fault, no delay. A tape that is played
    again gives zeros where its draws end.

    Args:
        seed: the same seed gives the same draws, in any process.
        draws: play these draws again; the seed is not used then.
        keeps: whether to keep what is drawn, for `draws`. A long run has millions of draws.

    Example:
        tape = Tape(7, keeps=True)
        first = play(tape)
        assert play(Tape(draws=tape.draws)) == first
    """

    def __init__(self, seed: int = 0, draws: Draws | None = None, *, keeps: bool = False) -> None:
        self.seed = seed
        self.is_replay = draws is not None
        """Whether the draws are those of an earlier run."""
        self._given = draws
        self._keeps = keeps
        self._streams: dict[str, Stream] = {}

    def stream(self, name: str) -> Stream:
        """Return the stream of this name."""
        found = self._streams.get(name)
        if found is None:
            given = None if self._given is None else self._given.get(name, ())
            found = Stream(f"{self.seed} {name}", given, [] if self._keeps else None)
            self._streams[name] = found
        return found

    @property
    def draws(self) -> dict[str, list[int]]:
        """What was drawn so far, by stream; nothing if the tape does not keep it."""
        return {name: one.kept for name, one in self._streams.items() if one.kept}


class Stream(random.Random):
    """The draws of one kind: has all methods of `random.Random`, and some of its own.

    Args:
        seed: what the draws depend on.
        given: the draws of an earlier run; None: new ones.
        kept: the list in which the draws are kept; None: they are not.
    """

    def __init__(self, seed: str, given: Sequence[int] | None, kept: list[int] | None) -> None:
        super().__init__(seed)
        self._given = given
        self._at = 0
        self._fresh = super().random
        self.kept = [] if kept is None else kept
        """What was drawn, if it is kept."""
        self._keeps = kept is not None

    def below(self, number: int) -> int:
        """Draw a whole number from 0 to `number` - 1."""
        drawn = int(self._fresh() * number) if self._given is None else self._again(number)
        if self._keeps:
            self.kept.append(drawn)
        return drawn

    def chance(self, probability: float) -> bool:
        """Draw True with this probability."""
        drawn = self._fresh() < probability if self._given is None else self._again(2) > 0
        if self._keeps:
            self.kept.append(int(drawn))
        return drawn

    def drew(self, number: int) -> int:
        """Keep a number that was chosen in another way, and return it."""
        if self._keeps:
            self.kept.append(number)
        return number

    def random(self) -> float:
        """Draw a number from 0 to 1, without 1."""
        return self.below(_FRACTION) / _FRACTION

    def getrandbits(self, k: int, /) -> int:
        """Draw `k` bits; the other methods of `random.Random` use it."""
        drawn, left = 0, k
        while left > 0:
            some = min(left, 32)
            drawn = (drawn << some) | self.below(1 << some)
            left -= some
        return drawn

    def _again(self, number: int) -> int:
        given = self._given
        assert given is not None
        if self._at >= len(given):
            return 0
        self._at += 1
        return min(given[self._at - 1], number - 1)
