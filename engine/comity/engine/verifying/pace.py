"""Tells how far the reading of a file is, and ends it if somebody asks for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from comity.engine.runtime.system import monotonic
from comity.engine.verifying.verified import OnProgress, VerifyProgress

_OFTEN: Final = 0.1
"""Seconds between two calls."""


class Stopped(Exception):
    """Somebody has asked to stop."""


def go_on() -> bool:
    """Do not stop: the default of `stop`."""
    return False


class Pace:
    """Is called with the bytes that are done, and all; see `PageFile`.

    Args:
        stage: what is read.
        progress: called a few times a second.
        stop: whether to stop.
    """

    def __init__(self, stage: str, progress: OnProgress | None, stop: Callable[[], bool]) -> None:
        self._stage = stage
        self._progress = progress
        self._stop = stop
        self._began = self._told = monotonic()

    def __call__(self, done: int, of: int) -> None:
        """Tell the progress.

        Raises:
            Stopped: the reading is to stop.
        """
        now = monotonic()
        if self._progress is not None and now - self._told > _OFTEN:
            self._told = now
            left = max(0.0, (of - done) * (now - self._began) / done) if done else None
            self._progress(VerifyProgress(self._stage, done, of, left))
        if self._stop():
            raise Stopped
