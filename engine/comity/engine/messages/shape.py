"""How values of one type are converted to msgpack and back. Messages and codec use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple, cast
from uuid import UUID

from comity.engine.messages.bounds import MICROSECOND
from comity.engine.messages.moment import microseconds_of, moment

Convert = Callable[[object], object]


class Ways(NamedTuple):
    """The conversions of a shape, as functions."""

    store: Convert
    load: Convert
    again: Convert


@dataclass(frozen=True, slots=True)
class Shape:
    """How values of one field type are converted to msgpack and back; `None` means unchanged."""

    store: Convert | None = None
    load: Convert | None = None
    exact: bool = True
    """Whether equal values can identify the same thing: False for floats."""
    again: Convert | None = None
    """The same as `load` for values that were validated before, where `load` validates them."""

    @property
    def plain(self) -> bool:
        """Whether msgpack stores these values unchanged."""
        return self.store is None

    @property
    def ways(self) -> Ways:
        """The three conversions as functions."""
        load = self.load or _same
        return Ways(self.store or _same, load, self.again or load)


def _same(value: object) -> object:
    return value


PLAIN = Shape()
"""The shape of values that msgpack stores unchanged."""


def _isoformat(value: object) -> object:
    return cast("date | time", value).isoformat()


def _from_iso(kind: type[date | time]) -> Convert:
    return lambda stored: kind.fromisoformat(cast("str", stored))


def _decimal(stored: object) -> object:
    """An amount was stored as text: a number was stored by a field of another type."""
    if type(stored) is not str:
        msg = f"expected an amount as text, found {type(stored).__name__}"
        raise TypeError(msg)
    return Decimal(stored)


CONVERTED: dict[type, Shape] = {
    datetime: Shape(
        lambda value: microseconds_of(cast("datetime", value)),
        lambda stored: moment(cast("int", stored)),
    ),
    date: Shape(_isoformat, _from_iso(date)),
    time: Shape(_isoformat, _from_iso(time)),
    timedelta: Shape(
        lambda value: cast("timedelta", value) // MICROSECOND,
        lambda stored: timedelta(microseconds=cast("int", stored)),
    ),
    UUID: Shape(str, lambda stored: UUID(cast("str", stored))),
    Decimal: Shape(str, _decimal, again=lambda stored: Decimal(cast("str", stored))),
}
"""The types whose values are converted, with their shapes."""
