"""Events that `project` could not take, set aside in order. Projections park and replay them."""

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
    """An event that waits. New fields come at the end, with defaults."""

    position: int
    type: str
    key: str
    """The aggregate's type and key."""
    version: int
    event: str
    who: str
    error: str
    """Why; empty where it only waits behind an earlier one of its aggregate."""

    @property
    def aggregate(self) -> AggregateId:
        """Whose event it is."""
        return AggregateId(self.type, self.key)

    @classmethod
    def of(cls, at: Recorded[Event], error: str) -> Parked:
        """This event, parked."""
        kind, key = at.aggregate
        return cls(at.position, kind, key, at.version, at.event.stored_as, at.who, error)


def park(writing: Writing, parked: Parked) -> None:
    """Set an event aside."""
    key = parked.position.to_bytes(8, "big")
    writing.put(writing.handles[PARKED], key, msgpack.packb(tuple(parked)))


def unpark(writing: Writing, parked: Parked) -> None:
    """It waits no more."""
    writing.delete(writing.handles[PARKED], parked.position.to_bytes(8, "big"))


def parked_events(reading: Reading) -> Iterator[Parked]:
    """All that wait, in the order of the journal."""
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
