"""A record: an entry as it is read from the journal."""

from __future__ import annotations

from typing import NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.stored_event import StoredEvent


class Record(NamedTuple):
    """An entry as it is read from the journal, with its version and position."""

    aggregate: AggregateId
    version: int
    """The aggregate's version before the record; its events make version+1, version+2, ..."""
    position: int
    """The position before the record; its events have position+1, position+2, ...

    Without events: a position that the journal had reached, at or after the aggregate's last event.
    """
    command_id: str
    events: tuple[StoredEvent, ...]
    time: int
    note: object
    """Sender, outcome and report: `Note.unpack` reads it."""
    lasting: bool = False
    """Whether this is a lasting record, which has no events."""

    @property
    def last_version(self) -> int:
        """The aggregate's version after the record."""
        return self.version + len(self.events)

    @property
    def last_position(self) -> int:
        """The position of the record's last event."""
        return self.position + len(self.events)
