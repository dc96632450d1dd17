"""What may be a key of a table, index or figure, and values that sort the other way round.

Models and who asks them use `descending`; `keys` turns such values into bytes.
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
    """A value that sorts the other way round: `descending(row.updated)` puts the newest first."""

    value: K_co

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Descending):
            return NotImplemented
        return bool(cast("Any", other).value < self.value)

    def __repr__(self) -> str:
        return f"descending({self.value!r})"


def descending(value: K) -> Descending[K]:
    """The value, sorting the other way round, in a key or as a part of one."""
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
"""What may be a key. None, which comes first, is for parts of tuples that a row may lack."""
