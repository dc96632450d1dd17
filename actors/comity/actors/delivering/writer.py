"""Writes an outlet's ledger: some time after the first change, or as soon as it is full."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

from comity.actors.following.back_off import BackOff
from comity.engine.errors import OutcomeUnknown, StorageFailed, describe_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comity.actors.delivering.forms import Live, Progress
    from comity.actors.delivering.lane import Lane
    from comity.actors.delivering.ledger import Ledger
    from comity.actors.runtime.runtime import Runtime

_log = logging.getLogger("comity")


class Writer:
    """Writes the ledger of one outlet, and tries again when the disk fails.

    Args:
        name: the outlet's name.
        ledger: what it writes.
        runtime: the clock.
        wake: called when the disk works again.
    """

    SOON: Final = 0.1
    """Seconds in which deliveries are collected before they are written down."""
    IDLE: Final = 5.0
    """Seconds in which a position is written down that has moved past unwanted events only."""

    def __init__(
        self, name: str, ledger: Ledger, runtime: Runtime, wake: Callable[[], None]
    ) -> None:
        self.error = ""
        """Why the ledger cannot be written; empty while it can."""
        self._name = name
        self._ledger = ledger
        self._runtime = runtime
        self._wake = wake
        self._at = math.inf
        self._back_off = BackOff(0.05, 0.4)

    @property
    def left(self) -> float:
        """Seconds until it is time to write."""
        return max(0.0, self._at - self._runtime.monotonic())

    @property
    def is_due(self) -> bool:
        """Whether it is time to write."""
        return self._runtime.monotonic() >= self._at or self._ledger.is_full

    def within(self, seconds: float) -> None:
        """Write within so many seconds: something has changed."""
        self._at = min(self._at, self._runtime.monotonic() + seconds)

    def soon(self) -> None:
        """Write soon: what a crash would cost has changed."""
        self.within(self.SOON)

    def write(self, progress: Progress, live: Live) -> Sequence[Lane] | None:
        """Write all changes; returns the lanes whose rows were written.

        None: the disk failed. It is due again soon.
        """
        try:
            lanes = self._ledger.write(progress, live)
        except (StorageFailed, OutcomeUnknown) as error:
            if not self.error:
                _log.error("outlet %s cannot write its ledger: %s", self._name, error)
            self.error = describe_error(error)
            self._at = self._runtime.monotonic() + self._back_off.failed(error)
            return None
        if self.error:  # deliveries go on in the next turn
            self._wake()
        self.error, self._at = "", math.inf
        self._back_off.well()
        return lanes
