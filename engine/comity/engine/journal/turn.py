"""What is appended to a journal: a turn, all that one actor decided in one go, in entries."""

from __future__ import annotations

from typing import NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent

MAX_ID_BYTES = 200
"""A command id is 1 to 200 bytes of UTF-8."""


class Entry(NamedTuple):
    """What one command did: events, or none (a refusal, or nothing to do)."""

    command_id: str
    events: tuple[StoredEvent, ...]
    time: int
    """When it was decided: microseconds since 1970, UTC."""
    note: bytes
    """Who, why and with what outcome; opaque to the journal (see `comity.engine.history.note`)."""
    retry: bool = False
    """The id may have been used before, so look it up. False promises that it is new."""
    lasting: bool = False
    """Without events, and yet a part of the aggregate's history: `read` gives it."""


class Turn(NamedTuple):
    """Entries of one aggregate, each decided on the state after the one before.

    A journal stores a turn as a whole or not at all. The ids in it differ.
    """

    aggregate: AggregateId
    expected: int
    """The aggregate's version that the first entry was decided at."""
    entries: tuple[Entry, ...]
    known: int | None = None
    """How many lasting records the aggregate had at `expected`; None: no entry rests on them."""
    snapshot: Snapshot | None = None
    """The state after the last entry, to be kept together with the turn."""

    @property
    def events(self) -> int:
        """How many events it holds."""
        return sum([len(entry.events) for entry in self.entries])

    @property
    def last_version(self) -> int:
        """The aggregate's version after it."""
        return self.expected + self.events
