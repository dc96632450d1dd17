"""An event as a journal stores it: bytes and names. Deciders make stored events."""

from __future__ import annotations

from typing import NamedTuple


class StoredEvent(NamedTuple):
    """A stable name, a schema version and a msgpack map of the event's fields."""

    name: str
    schema: int
    data: bytes
