"""How far a build is, how fast it goes and how long it still takes. Builds and rebuilds tell it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from comity.engine.text import duration
from comity.readmodels.generations.build_mark import BuildMark, mark_build, unmark_build

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal
    from comity.engine.runtime.clock import Clock

_log = logging.getLogger("comity")


class Progress(NamedTuple):
    """The progress of a build."""

    model: str
    position: int
    """The position up to which it has taken all events."""
    end: int
    """The journal's position; the build is done when it reaches this."""
    events_per_second: float | None
    """Of the last seconds; None while it is not known."""

    @property
    def part(self) -> float:
        """The part that is done, from 0 to 1."""
        return min(1.0, self.position / max(1, self.end))

    @property
    def percent(self) -> int:
        """The whole percents that are done: 100 only at the end."""
        return min(100, 100 * self.position // max(1, self.end))

    @property
    def seconds_left(self) -> float | None:
        """How long it still takes at this speed; None while that is not known."""
        if not self.events_per_second:
            return None
        return max(0, self.end - self.position) / self.events_per_second

    @property
    def speed(self) -> str:
        """The speed and the time left in words, after a comma; empty while they are not known."""
        said = ""
        if self.events_per_second is not None:
            said += f", {self.events_per_second:,.0f} a second"
        if self.seconds_left is not None:
            said += f", {duration(self.seconds_left)} left"
        return said

    def __str__(self) -> str:
        return f"{self.position:,} of {self.end:,} events ({self.percent}%){self.speed}"


OnProgress: TypeAlias = Callable[[Progress], None]


class Pace:
    """The events per second of the last seconds."""

    SECONDS: Final = 10.0
    """How far back it looks."""
    LEAST: Final = 0.5
    """Before so many seconds nothing is known."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self.events_per_second: float | None = None
        """None while it is not known."""

    def note(self, now: float, position: int) -> None:
        """Note that the build has this position at this time, in seconds of any clock."""
        seen = self._seen
        if seen and position < seen[-1][1]:  # what a build held in memory could not be written
            self.forget()
        while len(seen) > 1 and seen[1][0] <= now - self.SECONDS:
            seen.popleft()
        if not seen or now - seen[-1][0] >= self.LEAST / 2:  # a second may have 1,000 batches
            seen.append((now, position))
        began, first = seen[0]
        if now - began >= self.LEAST:
            self.events_per_second = (position - first) / (now - began)

    def forget(self) -> None:
        """Begin again, because the build pauses."""
        self._seen.clear()
        self.events_per_second = None


class Teller:
    """Tells the progress of one build: to its caller, to the log and to other processes.

    Args:
        model: the model's name.
        journal: the journal that is read.
        clock: gives the time.
        progress: called with each new progress, until it raises; may be None.
        generation: the folder of the generation; None if it is not one that is being built.
    """

    LOG: Final = 5.0
    """Seconds between two lines in the log."""
    MARK: Final = 1.0
    """Seconds between two marks for other processes."""

    def __init__(
        self,
        model: str,
        journal: Journal,
        clock: Clock,
        progress: OnProgress | None = None,
        generation: Path | None = None,
    ) -> None:
        self._model = model
        self._journal = journal
        self._clock = clock
        self._progress = progress
        self._generation = generation
        self._pace = Pace()
        self._log_at = clock.monotonic() + self.LOG
        self._mark_at = 0.0

    def at(self, position: int) -> Progress:
        """The progress of the build if it has this position."""
        end = self._journal.position()
        return Progress(self._model, position, end, self._pace.events_per_second)

    def tell(self, position: int) -> None:
        """Tell that the build has this position; call it first with the one where it begins."""
        now = self._clock.monotonic()
        self._pace.note(now, position)
        if now >= self._mark_at and self._generation is not None:
            self._mark_at = now + self.MARK
            _, _, end, rate = self.at(position)
            mark_build(self._generation, BuildMark(position, end, rate, self._clock.now()))
        if now >= self._log_at:
            self._log_at = now + self.LOG
            _log.info("%s is being built: %s", self._model, self.at(position))
        progress, self._progress = self._progress, None  # not called again once it has raised
        if progress is not None:
            progress(self.at(position))
            self._progress = progress

    def pause(self) -> None:
        """Tell other processes nothing more; the speed is measured anew afterwards."""
        self._pace.forget()
        self._mark_at = 0.0
        if self._generation is not None:
            unmark_build(self._generation)
