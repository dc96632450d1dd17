"""The kind of a stored event: which class can read it. Journals count the events of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent


class EventKind(NamedTuple):
    """What a program needs to know of a stored event to tell whether it can read it."""

    type: str
    """The aggregate's type."""
    name: str
    """The event's stored name."""
    schema: int
    """The schema version of the class that wrote it."""
    readable: int = 0
    """The oldest schema version of a class that may read it; 0: only `schema` or a newer one."""

    @classmethod
    def of(cls, aggregate: AggregateId, event: StoredEvent) -> EventKind:
        """Return the kind of an aggregate's event."""
        return cls(aggregate.type, event.name, event.schema, event.readable)


def kinds_in(records: Iterable[Record]) -> Counter[EventKind]:
    """Count the events of each kind in the records."""
    counts = Counter(  # of plain tuples: to make a million kinds takes as long as reading
        (record.aggregate.type, event.name, event.schema, event.readable)
        for record in records
        for event in record.events
    )
    return Counter({EventKind._make(kind): many for kind, many in counts.items()})
