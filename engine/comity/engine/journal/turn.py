"""A turn, which is appended to a journal: the entries that one actor decided in one go."""

from __future__ import annotations

from typing import NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent

MAX_ID_BYTES = 200
"""A command id is 1 to 200 bytes of UTF-8."""


class Entry(NamedTuple):
    """One command with its events; without events if it was refused or changed nothing."""

    command_id: str
    events: tuple[StoredEvent, ...]
    time: int
    """The time of the decision: microseconds since 1970, UTC."""
    note: bytes
    """Sender, outcome and report, as bytes for the journal (see `comity.engine.history.note`)."""
    retry: bool = False
    """True: the journal looks the id up, because it may be recorded. False promises a new id."""
    lasting: bool = False
    """True for an entry without events that becomes a lasting record: `read` gives it."""


class Turn(NamedTuple):
    """Entries of one aggregate, each decided on the state after the previous entry.

    A journal stores a turn completely or not at all. All command ids in a turn differ.
    """

    aggregate: AggregateId
    expected: int
    """The aggregate's version at which the first entry was decided."""
    entries: tuple[Entry, ...]
    known: int | None = None
    """The aggregate's lasting records at `expected`; None: no entry depends on this number."""
    snapshot: Snapshot | None = None
    """The state after the last entry, stored together with the turn."""

    @property
    def events(self) -> int:
        """The number of events in the turn."""
        return sum([len(entry.events) for entry in self.entries])

    @property
    def last_version(self) -> int:
        """The aggregate's version after the turn."""
        return self.expected + self.events
