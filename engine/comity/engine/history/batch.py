"""Batches of events in the order of the journal; a follower gives them to its consumer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from comity.engine.errors import describe_error
from comity.engine.history.recorded import Recorded
from comity.engine.messages.message import Event


class Batch(NamedTuple):
    """Consecutive events of the journal that a consumer wants, and the positions they cover."""

    after: int
    """The position before the batch; a consumer at another position must not take the batch."""
    events: Sequence[Recorded[Event]]
    """The events that the consumer wants."""
    position: int
    """The journal's events up to this position are in the batch, or were skipped as unwanted."""
    microseconds: int
    """When the event at `position` was decided: microseconds since 1970, UTC; 0 if none was read.
    """
    is_end: bool
    """Whether the journal had no more events."""
    branch: str = ""
    """The newest branch of the journal, see `Lineage.noted`: it is kept with the position."""

    def part(self, after: int, events: Sequence[Recorded[Event]]) -> Batch:
        """Make a smaller batch of some of its events; `after` is the position before them."""
        last = events[-1]
        return Batch(
            after, events, last.position, last.microseconds, branch=self.branch, is_end=False
        )


class CannotTake(Exception):
    """A consumer cannot take a batch because of an event; the batch is delivered again in parts."""

    def __init__(self, at: Recorded[Event] | None, reason: BaseException) -> None:
        super().__init__(describe_error(reason))
        self.at = at
        """The event; None if it is not known which event of the batch."""
        self.reason = reason
