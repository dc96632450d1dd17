"""Polls models that another process writes, since LMDB does not report commits.

`ReadModels` has one lookout. Nothing else polls models; the lookout polls them only while a thread
waits or watches.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from comity.actors.runtime.callbacks import attempt
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.reading.foreign_model import ForeignModel
    from comity.actors.runtime.runtime import Runtime, Timer


class Lookout:
    """One timer for all models that a process reads.

    A look costs some 40 microseconds. A reader that waits for its own write waits for a millisecond
    or two, so the lookout looks often for it; a watch may last for days, so it looks less often.

    Args:
        runtime: gives the clock and the timers.
        models: the models to look at.
        most: seconds that a snapshot may be held.
    """

    SOON: Final = 0.0005
    """Seconds between two looks while any thread waits for a position. All models share it."""
    WATCHED: Final = 0.01
    """Seconds between two looks while there are watches, but no thread waits."""
    KEEP: Final = 1.0
    """Seconds between two rounds that end snapshots held for too long."""

    def __init__(self, runtime: Runtime, models: Sequence[ForeignModel[Any]], most: float) -> None:
        self._now = runtime.monotonic
        self._timers = runtime.timers("comity-read-models")
        self._models = models
        self._most = most
        self._lock = Lock()
        self._next: Timer | None = None
        self._keeping = False
        """Whether the timer is sure to run again, and to end old snapshots."""
        self._keep_at = 0.0

    def attend(self) -> None:
        """Look at once, because a thread has begun to wait or watch."""
        with self._lock:
            if self._next is not None:
                self._next.cancel()
            self._next = self._timers.call_later(0.0, self._look)

    def keep(self) -> None:
        """Make sure that a snapshot that has just begun is ended in time."""
        if not self._keeping:
            self.attend()

    def close(self) -> None:
        """Look no more, and wait up to 5 seconds for a look that is running."""
        self._timers.stop(5.0)

    def _look(self) -> None:
        with self._lock:
            self._next = None  # before looking: `attend` from here on schedules another look
        for model in self._models:
            try:
                model.look()
            except BaseException as error:  # the other models and the next look must go on
                model.complain(error)
        now = self._now()
        if now >= self._keep_at:
            self._keep_at = now + self.KEEP
            for model in self._models:
                attempt(partial(model.end_snapshots, self._most))
        patience = self._patience()
        with self._lock:
            if self._next is None and patience is not None:
                self._next = self._timers.call_later(patience, self._look)

    def _patience(self) -> float | None:
        """Seconds until the next look; None: not before `attend` is called."""
        self._keeping = True
        if any(model.is_awaited for model in self._models):
            return self.SOON
        if any(model.is_watched for model in self._models):
            return self.WATCHED
        # In this order: a snapshot that begins meanwhile either finds `_keeping` False, and
        # calls `attend`, or is found here.
        self._keeping = False
        self._keeping = any(model.is_held for model in self._models)
        return self.KEEP if self._keeping else None
