"""Counts the attempts of a run: over time, by the age of views, by pair of command and event."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from comity.simulation.records.attempt import Attempt
from comity.simulation.records.run import Run
from comity.simulation.telling.wish import dropped

Measure: TypeAlias = Callable[[Attempt], bool]
"""Whether an attempt counts."""

SPANS: Final = 48
"""A run's time is divided into about this many parts."""
_MINUTES: Final = (0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1_440)
_PER_DECADE: Final = 3
_SURE: Final = 1.96
"""How many standard deviations a whisker has to each side: 19 of 20 truths are within."""


def unseen(attempt: Attempt) -> bool:
    """Whether it met changes that its sender had not seen."""
    return attempt.unseen > 0


def clashed(attempt: Attempt) -> bool:
    """Whether one of these changes was at the same place."""
    return bool(attempt.overlaps)


def refused(attempt: Attempt) -> bool:
    """Whether its sender was asked again."""
    return attempt.refused


def busy(run: Run) -> float:
    """The seconds of a run up to the last answer; of a run without attempts, all."""
    return max((one.answered or one.sent for one in run.attempts), default=run.seconds)


class Part(NamedTuple):
    """A part of a run's time."""

    start: float
    seconds: float
    sent: int
    counted: int

    @property
    def middle(self) -> float:
        """The middle of the time."""
        return self.start + self.seconds / 2


def over_time(attempts: Iterable[Attempt], seconds: float, counts: Measure) -> list[Part]:
    """Count the attempts in equal parts of a run's time."""
    step = part_of(seconds)
    parts = max(1, round(seconds / step))  # a short rest belongs to the last one
    sent, counted = [0] * parts, [0] * parts
    for attempt in attempts:
        at = min(parts - 1, int(attempt.sent / step))
        sent[at] += 1
        counted[at] += counts(attempt)
    return [Part(at * step, step, sent[at], counted[at]) for at in range(parts)]


def part_of(seconds: float) -> float:
    """The length of a part of a run's time, in seconds; in a long run some round minutes."""
    wanted = seconds / SPANS / 60
    minutes = next((one for one in _MINUTES if one >= wanted), wanted)
    return min(60 * minutes, seconds) or 1.0


class Age(NamedTuple):
    """Attempts on views of about the same age."""

    age: float
    """In seconds."""
    sent: int
    counted: int

    @property
    def share(self) -> float:
        """The share that counted."""
        return self.counted / self.sent

    @property
    def within(self) -> tuple[float, float]:
        """Where the share may truly be, given so few attempts (Wilson's interval)."""
        n, p, z = self.sent, self.share, _SURE
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


def by_age(attempts: Iterable[Attempt], counts: Measure, fewest: int = 10) -> list[Age]:
    """Count the attempts by the age of the view, three steps per factor of ten from 1 s on.

    Leaves out attempts without a view, and ages that fewer than `fewest` attempts had.
    """
    found: dict[int, list[bool]] = {}
    for attempt in attempts:
        if attempt.seen is not None:
            step = round(math.log10(max(attempt.age, 1.0)) * _PER_DECADE)
            found.setdefault(step, []).append(counts(attempt))
    return [
        Age(10 ** (step / _PER_DECADE), len(those), sum(those))
        for step, those in sorted(found.items())
        if len(those) >= fewest
    ]


class Meeting(NamedTuple):
    """How often a command met an unseen event at the same place, and what came of it."""

    met: int = 0
    asked: int = 0
    """The sender was asked again."""
    replaced: int = 0
    """The event's effect was replaced, without asking anybody."""
    dropped: int = 0
    """The command was dropped in favour of the event, without asking anybody."""

    def and_(self, other: Meeting) -> Meeting:
        """The sum of both."""
        return Meeting(*(mine + its for mine, its in zip(self, other, strict=True)))


def meetings(attempts: Iterable[Attempt]) -> dict[tuple[str, str], Meeting]:
    """Count what met, by the names of the command and of the event."""
    found: dict[tuple[str, str], Meeting] = {}
    for attempt in attempts:
        for event, meeting in _of(attempt):
            pair = (attempt.command, event)
            found[pair] = found.get(pair, Meeting()).and_(meeting)
    return found


def _of(attempt: Attempt) -> Iterator[tuple[str, Meeting]]:
    """An attempt counts once for each kind of event that it met."""
    replaced = {one.event for one in attempt.overwritten}
    for event in dict.fromkeys(one.event for one in attempt.overlaps):
        yield event, Meeting(1, attempt.refused, event in replaced, dropped(attempt))


def quantile(values: Iterable[float], share: float) -> float | None:
    """The value below which this share of the values is; None if there are none."""
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))] if found else None


def cumulative(values: Sequence[float], steps: int = 60) -> list[tuple[float, float]]:
    """Points of the curve that says which share of the values is at most as great as each."""
    found = sorted(values)
    places = {round(number * (len(found) - 1) / steps) for number in range(steps + 1)}
    return [(found[at], (at + 1) / len(found)) for at in sorted(places) if found]
