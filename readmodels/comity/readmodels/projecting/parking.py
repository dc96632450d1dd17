"""Parked events: stored in order because `project` failed. Projections park and replay them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgpack

from comity.engine.aggregate_id import AggregateId
from comity.engine.formats import grown
from comity.engine.lmdb.span import EVERYTHING, Entry
from comity.readmodels.tables.schema import PARKED

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event
    from comity.readmodels.storage.reading import Reading
    from comity.readmodels.storage.writing import Writing


class Parked(NamedTuple):
    """A parked event. Add new fields at the end, with defaults."""

    position: int
    type: str
    key: str
    """The aggregate's type and key."""
    version: int
    event: str
    who: str
    error: str
    """The error; empty if the event only waits for an earlier event of its aggregate."""

    @property
    def aggregate(self) -> AggregateId:
        """The aggregate of the event."""
        return AggregateId(self.type, self.key)

    @classmethod
    def of(cls, at: Recorded[Event], error: str) -> Parked:
        """Make a parked event from a recorded one."""
        kind, key = at.aggregate
        return cls(at.position, kind, key, at.version, at.event.stored_as, at.who, error)


def park(writing: Writing, parked: Parked) -> None:
    """Store a parked event."""
    key = parked.position.to_bytes(8, "big")
    writing.put(writing.handles[PARKED], key, msgpack.packb(tuple(parked)))


def unpark(writing: Writing, parked: Parked) -> None:
    """Remove a parked event."""
    writing.delete(writing.handles[PARKED], parked.position.to_bytes(8, "big"))


def parked_events(reading: Reading) -> Iterator[Parked]:
    """All parked events, in the order of the journal."""
    last: Entry | None = None
    while True:
        found = reading.entries(
            reading.handles[PARKED], EVERYTHING, 256, after=last, backwards=False
        )
        for _, data in found:
            yield grown(Parked, msgpack.unpackb(data))
        if not found:
            return
        last = found[-1]
