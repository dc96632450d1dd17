"""What a person wanted: an attempt, with those by which the person tried again after a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from comity.simulation.records.attempt import Attempt


class Ending(StrEnum):
    """How a wish ended."""

    DONE = "done"
    """Accepted, or there was nothing left to do."""
    DROPPED = "dropped"
    """A conflict rule dropped it in favour of another's change; nobody was asked."""
    GIVEN_UP = "given up"
    """Refused, and not tried again."""
    UNANSWERED = "unanswered"
    """The domain or the network failed: the person never learned what became of it."""


class Wish(NamedTuple):
    """All attempts at the same thing, the first one first."""

    attempts: tuple[Attempt, ...]

    @property
    def first(self) -> Attempt:
        """The attempt that began it."""
        return self.attempts[0]

    @property
    def last(self) -> Attempt:
        """The attempt that decided it."""
        return self.attempts[-1]

    @property
    def ending(self) -> Ending:
        """How it ended."""
        if dropped(self.last):
            return Ending.DROPPED
        return _ENDINGS.get(self.last.outcome, Ending.UNANSWERED)

    @property
    def took(self) -> float | None:
        """Seconds from choosing it to its acceptance, all repeats included; None if not done."""
        answered = self.last.answered
        if answered is None or self.ending is not Ending.DONE:
            return None
        return answered - self.first.chosen


_ENDINGS = {
    "applied": Ending.DONE,
    "merged": Ending.DONE,
    "rebased": Ending.DONE,
    "unchanged": Ending.DONE,
    "rejected": Ending.GIVEN_UP,
    "conflicted": Ending.GIVEN_UP,
}


def dropped(attempt: Attempt) -> bool:
    """Whether a conflict rule left nothing of the attempt.

    If no rule was asked, somebody else had done the same already.
    """
    return attempt.outcome == "unchanged" and attempt.rule is not None


def wishes(attempts: Iterable[Attempt]) -> list[Wish]:
    """Join each attempt with those that repeat it, in the order of their first attempts."""
    chains: dict[int, list[Attempt]] = {}
    begun: dict[int, int] = {}  # by number of an attempt: the number of the first one
    for attempt in sorted(attempts, key=lambda one: one.number):
        first = attempt.number
        if attempt.again is not None:
            first = begun.get(attempt.again, first)
        begun[attempt.number] = first
        chains.setdefault(first, []).append(attempt)
    return [Wish(tuple(chain)) for chain in chains.values()]
