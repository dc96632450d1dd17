"""A record with its number in the journal; `Journal.read_every` gives them."""

from __future__ import annotations

from typing import NamedTuple

from comity.engine.journal.record import Record


class Numbered(NamedTuple):
    """A record with its number: numbers rise in the order of storing, and may have gaps."""

    number: int
    """At least 1. Unlike a position, it also tells apart records without events."""
    record: Record
