"""Wakes the readers of a journal that other processes write. `LmdbReader` uses it.

LMDB does not announce writes. Processes that share a journal ring for each other, on its board. A
process that only reads is not on the board: one thread polls the journal while callbacks are
registered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from comity.engine.errors import ComityError
from comity.engine.journal.wakes import Wakes
from comity.engine.runtime.system import Flag, start
from comity.engine.sharing.bell import COMMITS
from comity.engine.sharing.member import Member


class ListeningWakes(Wakes):
    """Calls the callbacks when another process rings, through the member that shares the journal.

    Example: `wakes = ListeningWakes(member)`, and `wakes.ring()` when this process has appended.
    """

    def __init__(self, member: Member) -> None:
        super().__init__()
        self._member = member
        self._stop: Callable[[], None] | None = None

    def ring(self) -> None:
        """Call the callbacks here, and wake the other processes that have some."""
        super().ring()
        self._member.ring(COMMITS)

    def _begin(self) -> None:
        if self._stop is None:
            self._stop = self._member.listen(COMMITS, super().ring)

    def _end(self) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None


class LookingWakes(Wakes):
    """Calls the callbacks when `newest` returns another number than before, or fails."""

    PATIENCE: Final = 0.01
    """Seconds between two polls; each takes about 1 µs while there is nothing new."""

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
