"""How far a check of a journal is, and how long it still takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from comity.engine.runtime.system import monotonic
from comity.engine.text import duration

_OFTEN: Final = 0.1
"""Seconds between two calls."""


class AuditProgress(NamedTuple):
    """The progress of one stage of a check."""

    stage: str
    """`reading`, `folding again`, or `measuring Cards`."""
    done: int
    """How many events it has gone through."""
    end: int
    """How many there are."""
    seconds_left: float | None
    """How long the stage still takes at this speed; None while that is not known."""

    def __str__(self) -> str:
        percent = min(100, 100 * self.done // max(1, self.end))
        left = "" if self.seconds_left is None else f", {duration(self.seconds_left)} left"
        return f"{self.done:,} of {self.end:,} events ({percent}%){left}"


OnProgress: TypeAlias = Callable[[AuditProgress], None]
"""Is called a few times a second with the progress."""


def go_on() -> bool:
    """Do not stop: the default of `stop`."""
    return False


class Stage:
    """Tells the progress of one stage, and whether to stop.

    Args:
        name: what is being done.
        end: how many events there are.
        progress: called with the progress.
        stop: whether to stop.
    """

    def __init__(
        self, name: str, end: int, progress: OnProgress | None, stop: Callable[[], bool]
    ) -> None:
        self._name = name
        self._end = end
        self._progress = progress
        self._stop = stop
        self._began = self._told = monotonic()

    def goes_on(self, done: int) -> bool:
        """Tell that so many events are done; False if the work is to stop."""
        now = monotonic()
        if self._progress is not None and now - self._told > _OFTEN:
            self._told = now
            left = (self._end - done) * (now - self._began) / done if done else None
            self._progress(AuditProgress(self._name, done, self._end, left and max(0.0, left)))
        return not self._stop()
