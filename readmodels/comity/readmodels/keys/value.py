"""The values that a key may have, and descending values, which sort in reverse.

Models and queries use `descending`; `encoding.py` encodes the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import total_ordering
from typing import Any, Generic, TypeAlias, TypeVar, cast
from uuid import UUID

K = TypeVar("K")
K_co = TypeVar("K_co", covariant=True)


@total_ordering
@dataclass(frozen=True, slots=True, repr=False)
class Descending(Generic[K_co]):
    """A value that sorts in reverse: `descending(row.updated)` puts the newest first."""

    value: K_co

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Descending):
            return NotImplemented
        return bool(cast("Any", other).value < self.value)

    def __repr__(self) -> str:
        return f"descending({self.value!r})"


def descending(value: K) -> Descending[K]:
    """Make a value sort in reverse, as a key or as a part of one."""
    return Descending(value)


KeyValue: TypeAlias = (
    str
    | int
    | float
    | bool
    | bytes
    | datetime
    | date
    | time
    | timedelta
    | UUID
    | Enum
    | Decimal
    | Descending["KeyValue"]
    | tuple["KeyValue", ...]
    | None
)
"""The types of a key. None sorts first; it is for optional values in a tuple."""
