"""Events in the order of the journal, as they are given to whoever follows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from comity.engine.errors import describe_error
from comity.engine.history.recorded import Recorded
from comity.engine.messages.message import Event


class Batch(NamedTuple):
    """Some events, and how far in the journal they go."""

    after: int
    """The position that it follows: who has another one must not take it."""
    events: Sequence[Recorded[Event]]
    """Those that are wanted."""
    position: int
    """The journal's events up to here are in it, or were passed over."""
    microseconds: int
    """When the last of them was decided; 0 where there was none."""
    is_end: bool
    """Whether the journal had no more."""

    def part(self, after: int, events: Sequence[Recorded[Event]]) -> Batch:
        """Some of its events alone, which follow this position."""
        last = events[-1]
        return Batch(after, events, last.position, last.microseconds, is_end=False)


class CannotTake(Exception):
    """A consumer cannot take a batch because of an event; the batch is delivered again in parts."""

    def __init__(self, at: Recorded[Event] | None, reason: BaseException) -> None:
        super().__init__(describe_error(reason))
        self.at = at
        """The event; None where it is not known which one of the batch."""
        self.reason = reason
