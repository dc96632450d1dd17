"""How long a follower rests after a failure."""

from __future__ import annotations

from typing import Final

from comity.engine.errors import StorageFailed

DISK: Final = 0.4
"""The longest rest in seconds after a failure of the disk: no signal says that the disk works
again, and the follower is to go on within a second of that."""


class BackOff:
    """Doubles the rest with each failure in a row.

    Args:
        first: seconds of rest after the first failure.
        most: the longest rest in seconds.
    """

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._failures = 0

    def failed(self, error: BaseException) -> float:
        """Count a failure; returns the seconds to rest."""
        most = min(self._most, DISK) if isinstance(error, StorageFailed) else self._most
        rest = min(most, self._first * (1 << min(self._failures, 10)))
        self._failures += 1
        return rest

    def well(self) -> None:
        """Count a success: the next failure is the first again."""
        self._failures = 0
