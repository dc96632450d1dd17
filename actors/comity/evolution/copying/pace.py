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
    """Told of each record that is copied or verified, and of each aggregate that is folded.

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
        self._total: int | None = None

    def begin(self, stage: Stage, done: int, total: int | None = None) -> None:
        """Begin a stage.

        Args:
            stage: the stage.
            done: how much of it is done already.
            total: how much there is; None: the original's records, of which there may be more
                soon.
        """
        self._stage, self._first, self._began = stage, done, monotonic()
        self._total = total

    def show(self, done: int) -> None:
        """Note how much of this stage is done.

        Raises:
            Stopped: the user wants to stop.
        """
        if done & _RECORDS and self._stage is not Stage.FOLDING:  # an aggregate may take long
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
            total = self._total or max(done, self._old.figures().records)
            speed = (done - self._first) / max(1e-3, now - self._began)
            self._show(CopyProgress(self._stage, done, total, speed))
        self._shown_at = now
