"""A snapshot of an aggregate, as a journal stores it beside the records."""

from __future__ import annotations

from typing import NamedTuple

from comity.engine.aggregate_id import AggregateId


class Snapshot(NamedTuple):
    """An aggregate's state at a version: a cache that may vanish at any time, never the truth."""

    aggregate: AggregateId
    version: int
    schema: str
    """The hash of the state's schema; a reader with another hash ignores the snapshot."""
    data: bytes
