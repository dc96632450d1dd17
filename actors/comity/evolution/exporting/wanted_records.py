"""Which records of a journal are exported: all, or a part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self, cast

from comity.engine import WiringError
from comity.engine.aggregate_id import check_type_name
from comity.engine.arguments import check_several
from comity.engine.errors import Invalid
from comity.engine.journal.record import Record
from comity.engine.messages.moment import microseconds_of
from comity.evolution.exporting.record_line import time_text


@dataclass(frozen=True)
class WantedRecords:
    """A choice of records."""

    since: int | None = None
    """Only records that were decided at this time or later, in microseconds since 1970."""
    until: int | None = None
    """Only records that were decided before this time."""
    types: frozenset[str] = frozenset()
    """Only records of aggregates of these types; empty: of all."""

    @classmethod
    def of(cls, since: datetime | None, until: datetime | None, types: Iterable[str]) -> Self:
        """Make a choice.

        Raises:
            WiringError: a time has no zone, or a name is none of a type.
        """
        names = check_several(types, "types", WiringError)
        try:
            chosen = frozenset([check_type_name(name) for name in names])
        except (Invalid, TypeError) as error:
            raise WiringError(f"types: {error}") from None
        return cls(_microseconds(since, "since"), _microseconds(until, "until"), chosen)

    @property
    def is_all(self) -> bool:
        """Whether every record is wanted."""
        return self == WantedRecords()

    def has(self, record: Record) -> bool:
        """Return whether the record is wanted."""
        return (
            (self.since is None or record.time >= self.since)
            and (self.until is None or record.time < self.until)
            and (not self.types or record.aggregate.type in self.types)
        )

    def told(self) -> dict[str, object]:
        """The choice as the first line of an export tells it."""
        told: dict[str, object] = {}
        if self.since is not None:
            told["since"] = time_text(self.since)
        if self.until is not None:
            told["until"] = time_text(self.until)
        if self.types:
            told["types"] = sorted(self.types)
        return told


def _microseconds(time: datetime | None, name: str) -> int | None:
    if time is None:
        return None
    if not isinstance(cast("object", time), datetime) or time.tzinfo is None:
        msg = f"{name}: expected a datetime with a zone, got {time!r:.100}"
        raise WiringError(msg)
    return microseconds_of(time)
