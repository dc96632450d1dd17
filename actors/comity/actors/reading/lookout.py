"""Finds changes of models that another process writes, since LMDB does not report commits.

`ReadModels` has one lookout, and so has a domain for the models that others lead. It looks
only while a thread waits or watches: when the process that writes rings the bell, or, without a
bell, very often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from comity.actors.runtime.callbacks import attempt
from comity.engine.runtime.system import Lock
from comity.engine.sharing.bell import MODELS

if TYPE_CHECKING:
    from comity.actors.reading.foreign_model import ForeignModel
    from comity.actors.runtime.runtime import Runtime, Timer
    from comity.engine.sharing.member import Member


class Lookout:
    """One timer for all models that a process reads.

    A look costs some 40 microseconds. A reader that waits for its own write waits for a millisecond
    or two, so the lookout looks often for it; a watch may last for days, so it looks less often.
    With a bell it looks when it rings.

    Args:
        runtime: gives the clock and the timers.
        models: the models to look at, to begin with.
        most: seconds that a snapshot may be held.
        member: this process on the board of the journal, which has the bell; None without a board.
    """

    SOON: Final = 0.0005
    """Seconds between two looks while any thread waits for a position. All models share it."""
    WATCHED: Final = 0.01
    """Seconds between two looks while there are watches, but no thread waits."""
    RUNG: Final = 0.1
    """Seconds between two looks while it listens to the bell: nobody rings if `comity rebuild` lets
    other tables answer."""
    KEEP: Final = 1.0
    """Seconds between two rounds that end snapshots held for too long; and seconds that it listens
    to the bell after the last thread has waited, since beginning to listen may start a thread."""

    def __init__(
        self,
        runtime: Runtime,
        models: Sequence[ForeignModel[Any]],
        most: float,
        member: Member | None = None,
    ) -> None:
        self._now = runtime.monotonic
        self._timers = runtime.timers("comity-read-models")
        self._models = tuple(models)
        self._most = most
        self._member = member
        self._lock = Lock()
        self._next: Timer | None = None
        self._keeping = False
        """Whether the timer is sure to run again, and to end old snapshots."""
        self._keep_at = 0.0
        self._stop: Callable[[], None] | None = None
        """Stops listening to the bell; None while it does not listen."""
        self._listen_until = 0.0

    def join(self, model: ForeignModel[Any]) -> None:
        """Look at this model, too."""
        with self._lock:
            self._models = (*self._models, model)

    def attend(self) -> None:
        """Look at once, because a thread has begun to wait or watch."""
        with self._lock:
            self._listen_until = self._now() + self.KEEP
            if self._stop is None and self._member is not None:
                with suppress(RuntimeError):  # no thread can be started: look often instead
                    self._stop = self._member.listen(MODELS, self._hurry)
        self._hurry()

    @property
    def has_company(self) -> bool:
        """Whether other processes have the journal open."""
        return self._member is not None and bool(self._member.others())

    def call_others(self) -> None:
        """Wake the lookouts of other processes, because a model that is led here has changed."""
        if self._member is not None:
            self._member.ring(MODELS)

    def _hurry(self) -> None:
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
        with self._lock:
            self._listen_no_more()

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
        with self._lock:
            patience = self._patience()
            if self._next is None and patience is not None:
                self._next = self._timers.call_later(patience, self._look)

    def _patience(self) -> float | None:
        """Seconds until the next look; None: not before `attend` is called."""
        self._keeping = True
        awaited = any(model.is_awaited for model in self._models)
        if awaited or any(model.is_watched for model in self._models):
            if self._stop is not None:
                return self.RUNG
            return self.SOON if awaited else self.WATCHED
        if self._stop is not None:
            if self._now() < self._listen_until:
                return self.KEEP
            self._listen_no_more()
        # In this order: a snapshot that begins meanwhile either finds `_keeping` False, and
        # calls `attend`, or is found here.
        self._keeping = False
        self._keeping = any(model.is_held for model in self._models)
        return self.KEEP if self._keeping else None

    def _listen_no_more(self) -> None:
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()
