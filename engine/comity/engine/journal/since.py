"""Reads an aggregate's records after a place, as any journal can do with its `read`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.record import Record


def read_since(
    read: Callable[[AggregateId, int], Iterator[Record]],
    aggregate: AggregateId,
    version: int,
    lasting: int | None,
) -> Iterator[Record]:
    """Give what `Journal.since` gives; `read` is the journal's."""
    if lasting is None:
        return read(aggregate, version)
    return _after(read(aggregate, max(0, version - 1)), version, lasting)


def _after(records: Iterator[Record], version: int, known: int) -> Iterator[Record]:
    for record in records:
        if record.last_version > version:
            yield record
        elif not record.events:
            if known <= 0:
                yield record
            known -= 1
