"""An event as a journal keeps it: bytes and names. Deciders make them, journals store them."""

from __future__ import annotations

from typing import NamedTuple


class StoredEvent(NamedTuple):
    """An event as it is kept: a stable name, a schema version and a msgpack map of its fields."""

    name: str
    schema: int
    data: bytes
