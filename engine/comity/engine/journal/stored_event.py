"""An event as a journal stores it: names and fields. Deciders make stored events."""

from __future__ import annotations

from typing import NamedTuple


class StoredEvent(NamedTuple):
    """A stable name, a schema version and the event's fields."""

    name: str
    schema: int
    data: object
    """The fields, as a map that msgpack can pack (`codec.storable`), or packed as bytes. Nobody may
    change the map: other threads may be reading it, and an event may be using it."""
    stamp: int = 0
    """The stamp of the class that validated the fields; 0 means that they must be validated."""
    readable: int = 0
    """The oldest schema version of programs that may read it; they leave out the fields that they
    do not know. 0: only programs of its own schema version and newer ones."""
