"""Events with all kinds of fields, and how hypothesis draws them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Literal, NewType
from uuid import UUID

from hypothesis import strategies as st

from comity.engine import AggregateId, Event, Key, Recorded, StoredAs, Value

SOURCE = "https://shop.example/orders"
Sku = NewType("Sku", str)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Mark(Enum):
    FIRST = b"\xff\x00"
    SECOND = b"2"


class Line(Value):
    sku: Annotated[Sku, StoredAs("article")]
    price: Decimal
    seal: bytes = b""
    gifts: tuple[tuple[str, timedelta], ...] = ()


class Everything(Event):
    stored_as = "AllThatThereIs"
    text: Key[str]
    whole: int
    amount: float
    flag: bool
    raw: bytes
    at: datetime
    day: date
    clock: time
    lasts: timedelta
    price: Decimal
    id: UUID
    colour: Colour
    size: Size
    mark: Mark
    one: Literal["a", 1, True]
    sku: Sku
    line: Line
    lines: Annotated[tuple[Line, ...], StoredAs("positions")]
    pair: tuple[int, bytes]
    days: frozenset[date]
    seals: frozenset[bytes]
    maybe: datetime | None
    perhaps: Line | None
    mixed: int | bool | str | None
    counted: tuple[int, ...] | int
    many: tuple[bytes | None, ...]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
whole = st.integers(-(1 << 63), (1 << 63) - 1)
moments = st.datetimes(timezones=st.just(UTC))
lasting = whole.map(lambda micros: timedelta(microseconds=micros))
prices = st.decimals(allow_nan=False, allow_infinity=False)
lines = st.builds(
    Line,
    sku=texts.map(Sku),
    price=prices,
    seal=st.binary(max_size=9),
    gifts=st.lists(st.tuples(texts, lasting), max_size=2).map(tuple),
)
drawn: Mapping[str, st.SearchStrategy[object]] = {
    "text": texts,
    "whole": whole,
    "amount": st.floats(allow_nan=False, allow_infinity=False),
    "flag": st.booleans(),
    "raw": st.binary(max_size=9),
    "at": moments,
    "day": st.dates(),
    "clock": st.times(),
    "lasts": lasting,
    "price": prices,
    "id": st.uuids(),
    "colour": st.sampled_from(Colour),
    "size": st.sampled_from(Size),
    "mark": st.sampled_from(Mark),
    "one": st.sampled_from(["a", 1, True]),
    "sku": texts,
    "line": lines,
    "lines": st.lists(lines, max_size=3).map(tuple),
    "pair": st.tuples(whole, st.binary(max_size=3)),
    "days": st.frozensets(st.dates(), max_size=3),
    "seals": st.frozensets(st.binary(max_size=3), max_size=3),
    "maybe": st.none() | moments,
    "perhaps": st.none() | lines,
    "mixed": st.none() | whole | st.booleans() | texts,
    "counted": whole | st.lists(whole, max_size=3).map(tuple),
    "many": st.lists(st.none() | st.binary(max_size=3), max_size=3).map(tuple),
}
everything = st.builds(Everything, **drawn)


def at(event: Event, key: str = "A-17", version: int = 3, position: int = 20) -> Recorded:
    """The event as a journal has it."""
    return Recorded(
        event, AggregateId("order", key), version, position, 1_800_000_000_000_000, "ann", "", "Do",
        "c1", {}, None,
    )  # fmt: skip
