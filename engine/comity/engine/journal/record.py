"""A record: an entry as the journal gives it back. Whoever reads a journal reads records."""

from __future__ import annotations

from typing import NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.stored_event import StoredEvent


class Record(NamedTuple):
    """An entry as the journal gives it back, with where it stands."""

    aggregate: AggregateId
    version: int
    """The aggregate's version before the first event; its events have version+1, version+2, ..."""
    position: int
    """Its events have position+1, position+2, ...

    Without events: a position that the journal had reached, at or after its aggregate's last event.
    """
    command_id: str
    events: tuple[StoredEvent, ...]
    time: int
    note: bytes

    @property
    def last_version(self) -> int:
        """The aggregate's version after it."""
        return self.version + len(self.events)

    @property
    def last_position(self) -> int:
        """The position of its last event."""
        return self.position + len(self.events)
