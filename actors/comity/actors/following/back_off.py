"""How long a follower that has failed rests before the next try."""

from __future__ import annotations

from typing import Final

from comity.engine.errors import StorageFailed

DISK: Final = 0.4
"""Seconds between two tries at the most where the disk is to blame: nobody says when it is well
again, and what it held up goes on within a second of that."""


class BackOff:
    """Rests that double with each failure in a row.

    Args:
        first: seconds of rest after the first failure.
        most: and the most.
    """

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._failures = 0

    def failed(self, error: BaseException) -> float:
        """Count a failure; how many seconds to rest."""
        most = min(self._most, DISK) if isinstance(error, StorageFailed) else self._most
        rest = min(most, self._first * (1 << min(self._failures, 10)))
        self._failures += 1
        return rest

    def well(self) -> None:
        """It has succeeded: the next failure is the first one again."""
        self._failures = 0
