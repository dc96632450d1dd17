"""What the board says of one process that has a journal open. `Board` and `Member` give them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple


class Sharer(NamedTuple):
    """A process that has the journal open, as its slot said when it was read.

    All times are microseconds since 1970, by the clock of the machine that all sharers are on.
    """

    slot: int
    """Its slot on the board."""
    pid: int
    """Its process id."""
    namespace: int
    """The number of its pid namespace; 0 if the system has none."""
    host: str
    program: str
    """Its command line, cut short."""
    since: int
    """When it opened the journal."""
    beat: int
    """When it last said that it works; 0 if it never did. A domain does so several times a second.
    """
    commits: int
    """Transactions that it has appended to the journal."""
    events: int
    """Events that it has appended."""
    stale: int
    """Decisions of it that were not stored, because another process had written first."""
    waits_since: int
    """Since when it waits for the right to write; 0 if it does not wait."""
    holds_since: int
    """Since when it writes, and keeps others from writing; 0 if it does not."""

    def __str__(self) -> str:
        return (
            f"process {self.pid} ({self.program!r}) on {self.host}, open since {moment(self.since)}"
        )


def moment(micros: int) -> str:
    """The time as text, `2027-03-01 09:30:00 UTC`."""
    try:
        return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):  # no comity has written that
        return "an unknown time"
