"""Looks, now and then, at what another process writes: LMDB tells nobody. `ReadModels` has one.

No other place looks by the clock for news of a model, and this one only while somebody waits or
watches.
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
    or two, so it is looked for often; a watch may stand for days, so for it less often.

    Args:
        runtime: its clock and timers.
        models: where to look.
        most: seconds that a snapshot may be held.
    """

    SOON: Final = 0.0005
    """Seconds between two looks while anybody waits for a position. All share it."""
    WATCHED: Final = 0.01
    """The same while somebody watches, and nobody waits."""
    KEEP: Final = 1.0
    """Seconds between two rounds that end snapshots which are held for too long."""

    def __init__(self, runtime: Runtime, models: Sequence[ForeignModel[Any]], most: float) -> None:
        self._now = runtime.monotonic
        self._timers = runtime.timers("comity-read-models")
        self._models = models
        self._most = most
        self._lock = Lock()
        self._next: Timer | None = None
        self._keeping = False
        """Whether it looks again by itself, and so ends snapshots."""
        self._keep_at = 0.0

    def attend(self) -> None:
        """Somebody waits or watches from now on."""
        with self._lock:
            if self._next is not None:
                self._next.cancel()
            self._next = self._timers.call_later(0.0, self._look)

    def keep(self) -> None:
        """Somebody holds a snapshot from now on."""
        if not self._keeping:
            self.attend()

    def close(self) -> None:
        """Look no more; wait for the look that is on."""
        self._timers.stop(5.0)

    def _look(self) -> None:
        with self._lock:
            self._next = None  # before looking: who attends from here on is looked for again
        for model in self._models:
            try:
                model.look()
            except BaseException as error:  # whoever waits or watches needs the next look
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
        """Seconds until the next look; None: until somebody wants one."""
        self._keeping = True
        if any(model.is_awaited for model in self._models):
            return self.SOON
        if any(model.is_watched for model in self._models):
            return self.WATCHED
        # In this order: who holds one from now on sees that nobody keeps, or is seen.
        self._keeping = False
        self._keeping = any(model.is_held for model in self._models)
        return self.KEEP if self._keeping else None
