"""How long who has failed rests before the next try. Drivers and subscriptions ask."""

from __future__ import annotations

from typing import Final

from comity.engine.errors import StorageFailed

DISK: Final = 0.4
"""Seconds between two tries at the most where the disk is to blame: nobody says when it is well
again, and what it held up goes on within a second of that."""


def rest_after(failures: int, error: BaseException, bounds: tuple[float, float]) -> float:
    """Seconds to rest after so many failures in a row, the last of which is given.

    Args:
        failures: one or more.
        error: the last one.
        bounds: the rest after the first failure, and the most; doubled in between.
    """
    first, most = bounds
    if isinstance(error, StorageFailed):
        most = min(most, DISK)
    return min(most, first * (1 << min(failures - 1, 10)))
