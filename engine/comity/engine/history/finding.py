"""Finds a record by its time or position, by bisection, in any journal. `comity events` uses it.

Each look reads one record, so that a place in a journal of 1,000,000 events is found in
milliseconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record

SLACK: Final = 60_000_000
"""How many microseconds the times of records may be out of order: a minute. Each process reads the
clock when it decides a command, and writes it some time later; and a clock may be set."""


def number_before(journal: Journal, time: int) -> int:
    """Return the number of a record that comes before all records from this time on, and close.

    Pass it to `Journal.read_every`, and leave out what is too early: that is about a minute. If a
    clock was set back by more than a minute, records may be missed: those that were written before
    that, although their times are later.

    Args:
        journal: where to look.
        time: in microseconds since 1970.
    """
    return _bisected(journal, lambda record: record.time >= time - SLACK)


def number_at(journal: Journal, position: int) -> int:
    """Return the number of the last record before the one with the event after this position."""
    return _bisected(journal, lambda record: record.last_position > position)


def _bisected(journal: Journal, is_late: Callable[[Record], bool]) -> int:
    def late(number: int) -> bool:
        found = next(journal.read_every(number), None)
        return found is None or is_late(found.record)

    return bisect_left(range(journal.figures().records), True, key=late)  # noqa: FBT003
