"""Wakes the readers of a journal that another process writes. A read-only `LmdbReader` uses it.

LMDB does not announce writes, so one thread polls the journal while callbacks are registered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from comity.engine.errors import ComityError
from comity.engine.journal.wakes import Wakes
from comity.engine.runtime.system import Flag, start


class LookingWakes(Wakes):
    """Calls the callbacks when `newest` returns another number than before, or fails."""

    PATIENCE: Final = 0.01
    """Seconds between two polls; each takes about 10 µs."""

    def __init__(self, newest: Callable[[], int]) -> None:
        super().__init__()
        self._newest = newest
        self._stop: Flag | None = None
        """Ends the polling thread, if there is one."""

    def _begin(self) -> None:
        if self._stop is None:
            stop, last = Flag(), self._newest()
            start("comity-journal", partial(self._look, stop, last))
            self._stop = stop

    def _end(self) -> None:
        if self._stop is not None:
            self._stop.set()
            self._stop = None

    def _look(self, stop: Flag, last: int) -> None:
        while not stop.wait(self.PATIENCE):
            try:
                newest = self._newest()
            except ComityError:
                newest = -1  # the woken reader reads, and gets the error itself
            if newest != last:
                last = newest
                self.ring()
