"""Shows the progress of a migration a few times a second, and asks whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from comity.engine.journal.journal import Journal
from comity.engine.runtime.system import monotonic
from comity.evolution.copying.migrated import CopyProgress, ShowProgress, Stage

_SECONDS: Final = 0.2
"""Between two calls of the function that shows the progress."""
_RECORDS: Final = 63
"""Between two looks at the clock; a number whose bits are all set."""


class Stopped(Exception):
    """The user wants to stop."""


class Pace:
    """Told of each record that is done.

    Args:
        old: the original.
        show: is called with the progress.
        stop: whether to stop.
    """

    def __init__(
        self, old: Journal, show: ShowProgress | None, stop: Callable[[], bool] | None
    ) -> None:
        self._old, self._show, self._stop = old, show, stop
        self._stage = Stage.COPYING
        self._began = self._shown_at = monotonic()
        self._first = 0

    def begin(self, stage: Stage, done: int) -> None:
        """Begin a stage of which so many records are done already."""
        self._stage, self._first, self._began = stage, done, monotonic()

    def show(self, done: int) -> None:
        """Note that so many records are done in this stage.

        Raises:
            Stopped: the user wants to stop.
        """
        if done & _RECORDS:
            return
        if self._stop is not None and self._stop():
            raise Stopped
        if monotonic() - self._shown_at > _SECONDS:
            self._tell(done)

    def wait(self, done: int) -> None:
        """Note that the copy is up to date; raises as `show`."""
        self.begin(Stage.FOLLOWING, done)
        if self._stop is not None and self._stop():
            raise Stopped
        self._tell(done)

    def _tell(self, done: int) -> None:
        now = monotonic()
        if self._show is not None:
            total = max(done, self._old.figures().records)
            speed = (done - self._first) / max(1e-3, now - self._began)
            self._show(CopyProgress(self._stage, done, total, speed))
        self._shown_at = now
