"""A function that migrates boards; `comity migrate` runs it: see docs/migrating.md."""

from __future__ import annotations

from collections.abc import Iterator

from comity.evolution import JournalRecord


def without_votes(record: JournalRecord) -> Iterator[JournalRecord]:
    """Leave out the votes."""
    yield record.with_events(*[one for one in record.events if one.name != "CardUpvoted"])
