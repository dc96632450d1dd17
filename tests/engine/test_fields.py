"""Fields: which types a message may have, and that every value of them comes back as it was."""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from annotated_types import Len
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError
from tests.support.making import make
from typing_extensions import TypeAliasType

from comity.engine import Event, Invalid, Key, Value, WiringError
from comity.engine.messages.codec import build, pack, unpack_fields


class Color(StrEnum):
    RED = "red"
    GREEN = "green"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Mixed(Enum):
    NAME = "name"
    NUMBER = 5
    DATA = b"\x00"
    NOTHING = None


class Rights(Flag):
    READ = 1
    WRITE = 2


class Point(Value):
    x: int
    y: float = 0.0


class Place(Value):
    name: str
    points: tuple[Point, ...]
    since: datetime | None = None


UserId = NewType("UserId", str)


class Everything(Event):
    """One field of every type that a message may have."""

    text: str
    number: int
    ratio: float
    flag: bool
    data: bytes
    moment: datetime
    day: date
    clock: time
    length: timedelta
    identity: UUID
    price: Decimal
    color: Color
    size: Size
    mixed: Mixed
    rights: Rights
    choice: Literal["a", 1, True, b"x"] | None
    user: UserId
    key: Key[str]
    place: Place
    maybe: int | str | None
    maybe_moment: datetime | None
    maybe_place: Place | None
    many: tuple[int, ...]
    pair: tuple[str, Decimal]
    nothing: tuple[()]
    nested: tuple[tuple[date, ...], ...]
    members: frozenset[int | str]
    days: frozenset[date]
    groups: frozenset[frozenset[int]]
    places: tuple[Place, ...]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INT = st.integers(-(1 << 63), (1 << 63) - 1)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-11, minutes=7)), ZoneInfo("Asia/Kolkata")])
MOMENT = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001 - they get one
LENGTH = st.timedeltas(timedelta(microseconds=-(1 << 63)), timedelta(microseconds=(1 << 63) - 1))
POINT = st.builds(Point, x=INT, y=FLOAT)
PLACE = st.builds(
    Place, name=TEXT, points=st.lists(POINT, max_size=3).map(tuple), since=st.none() | MOMENT
)
EVERYTHING = st.builds(
    Everything,
    text=TEXT,
    number=INT,
    ratio=FLOAT,
    flag=st.booleans(),
    data=st.binary(max_size=20),
    moment=MOMENT,
    day=st.dates(),
    clock=st.times().map(lambda clock: clock.replace(fold=0)),
    length=LENGTH,
    identity=st.uuids(),
    price=st.decimals(allow_nan=False, allow_infinity=False),
    color=st.sampled_from(Color),
    size=st.sampled_from(Size),
    mixed=st.sampled_from(Mixed),
    rights=st.integers(0, 3).map(Rights),
    choice=st.sampled_from(["a", 1, True, b"x", None]),
    user=TEXT.map(UserId),
    key=TEXT,
    place=PLACE,
    maybe=st.none() | INT | TEXT,
    maybe_moment=st.none() | MOMENT,
    maybe_place=st.none() | PLACE,
    many=st.lists(INT).map(tuple),
    pair=st.tuples(TEXT, st.decimals(allow_nan=False, allow_infinity=False)),
    nothing=st.just(()),
    nested=st.lists(st.lists(st.dates(), max_size=3).map(tuple), max_size=3).map(tuple),
    members=st.frozensets(INT | TEXT, max_size=5),
    days=st.frozensets(st.dates(), max_size=5),
    groups=st.frozensets(st.frozensets(INT, max_size=3), max_size=3),
    places=st.lists(PLACE, max_size=2).map(tuple),
)

# Explaining a failure of so many fields takes minutes.
QUICKLY = settings(max_examples=60, deadline=None, phases=set(Phase) - {Phase.explain})


@QUICKLY
@given(EVERYTHING)
def test_a_message_of_every_type_comes_back_as_it_was(event: Everything) -> None:
    again = build(Everything, unpack_fields(pack(event)))
    assert again == event
    for (name, value), (_, was) in zip(again, event, strict=True):
        # 1 and True are equal, and so are 0.0 and -0.0; sets print in any order.
        assert isinstance(was, frozenset) or repr(value) == repr(was), name


@QUICKLY
@given(EVERYTHING)
def test_a_message_that_came_back_is_stored_as_the_same_bytes(event: Everything) -> None:
    stored = pack(event)
    assert pack(build(Everything, unpack_fields(stored))) == stored


@given(st.frozensets(INT | TEXT, min_size=2, max_size=6))
def test_equal_sets_are_stored_as_the_same_bytes(members: frozenset[int | str]) -> None:
    kind = make(Event, {"members": frozenset[int | str]})
    other = frozenset(reversed(list(members)))
    assert pack(kind.model_validate({"members": members})) == pack(
        kind.model_validate({"members": other})
    )


@given(FLOAT)
def test_a_float_comes_back_to_the_bit(ratio: float) -> None:
    kind = make(Event, {"ratio": float})
    again = unpack_fields(pack(kind.model_validate({"ratio": ratio})))["ratio"]
    assert struct.pack("d", again) == struct.pack("d", ratio)


def test_the_first_and_the_last_moment_come_back() -> None:
    kind = make(Event, {"at": datetime})
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
    for moment in (first, last):
        event = kind.model_validate({"at": moment})
        assert build(kind, unpack_fields(pack(event))) == event


# --- what cannot be kept

T = TypeVar("T")


class Loose(BaseModel):
    x: int


class FrozenAndStrict(BaseModel):
    x: int
    model_config = ConfigDict(frozen=True, strict=True)


class Pair(NamedTuple):
    x: int


@dataclass
class Data:
    x: int


class Big(Enum):
    NUMBER = 1 << 64


class Pairs(Enum):
    ONE = (1, 2)


REFUSED: dict[str, tuple[object, str]] = {
    "Any": (Any, "Any cannot be kept in a message; write the type that it really is"),
    "object": (object, "write the type that it really is"),
    "a list": (list[int], r"write tuple\[X, ...\]"),
    "a bare list": (list, r"write tuple\[X, ...\]"),
    "a dict": (dict[str, int], "write a tuple of pairs, or a nested Value"),
    "an ordered dict": (OrderedDict[str, int], "cannot be kept"),
    "a set": (set[int], r"write frozenset\[X\]"),
    "a bare tuple": (tuple, r"write tuple\[X, ...\]"),
    "a bare frozenset": (frozenset, r"write frozenset\[X\]"),
    "a list inside of a tuple": (tuple[list[int], ...], r"write tuple\[X, ...\]"),
    "Any inside of a tuple": (tuple[Any, ...], "write the type that it really is"),
    "Any inside of a frozenset": (frozenset[Any], "write the type that it really is"),
    "Any or None": (list[int] | None, r"write tuple\[X, ...\]"),
    "Any that is annotated": (Annotated[Any, Len(1)], "write the type that it really is"),
    "a model that is not strict": (Loose, "write a class that inherits from .*Value"),
    "a strict model without bounds": (FrozenAndStrict, "write a class that inherits from .*Value"),
    "two kinds of converted thing": (datetime | UUID, r"write one type, or one type \| None"),
    "a moment or a text": (datetime | str, "for two types write two messages"),
    "a complex number": (complex, "complex cannot be kept in a message; write str, int"),
    "a named tuple": (Pair, "Pair cannot be kept"),
    "a dataclass": (Data, "Data cannot be kept"),
    "a type variable": (T, r"such as Key\[str\]"),
    "a class": (type[int], "cannot be kept"),
    "an enum of 65 bits": (Big, "an Enum whose values are str, bytes, bool or 64-bit int"),
    "an enum of tuples": (Pairs, "an Enum whose values are"),
    "a literal of 65 bits": (Literal[1 << 64], "a Literal of str, bytes, bool or 64-bit int"),
    "a literal of an enum": (Literal[Color.RED], "a Literal of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_type_that_cannot_be_kept_is_refused_with_what_to_write_instead(case: str) -> None:
    annotation, instead = REFUSED[case]
    settings = ConfigDict(arbitrary_types_allowed=True)
    with pytest.raises(WiringError, match=rf"Made\.x: .*{instead}"):
        make(Event, {"x": annotation}, {"model_config": settings})


Days = TypeAliasType("Days", tuple[date, ...])
Lists = TypeAliasType("Lists", list[int])


def test_an_alias_is_what_it_stands_for() -> None:
    kind = make(Event, {"days": Days})
    event = kind.model_validate({"days": (date(2020, 1, 1),)})
    assert build(kind, unpack_fields(pack(event))) == event
    with pytest.raises(WiringError, match="list cannot be kept"):
        make(Event, {"x": Lists})


def test_the_field_of_a_nested_record_is_named_too() -> None:
    with pytest.raises(WiringError, match=r"Inner\.items: list cannot be kept"):
        make(Value, {"items": list[int]}, name="Inner")


def test_a_record_that_holds_itself_is_refused() -> None:
    with pytest.raises(
        WiringError, match=r"Node\.children: Node cannot .* does not contain itself"
    ):

        class Node(Value):  # pyright: ignore[reportUnusedClass] - making it fails
            children: tuple[Node, ...]


def test_records_that_hold_each_other_are_refused_once_both_are_there() -> None:
    class Egg(Value):
        hen: Hen | None

    with pytest.raises(WiringError, match="does not contain itself"):

        class Hen(Value):
            egg: Egg

        Egg(hen=None)


def test_a_message_of_generic_fields_is_refused() -> None:
    with pytest.raises(WiringError, match="such as Key"):

        class Set(Event, Generic[T]):  # pyright: ignore[reportUnusedClass] - making it fails
            value: T


def test_a_record_is_no_deeper_than_its_classes() -> None:
    kind: type[Value] = make(Value, {"x": int}, name="Level0")
    for level in range(1, 60):
        kind = make(Value, {"inner": kind}, name=f"Level{level}")
    event = make(Event, {"inner": kind})
    value: object = {"x": 1}
    for _ in range(60):
        value = {"inner": value}
    deep = event.model_validate(value)
    assert build(event, unpack_fields(pack(deep))) == deep


def test_a_record_of_a_nested_class_is_bounded_as_well() -> None:
    kind = make(Event, {"place": Place})
    with pytest.raises(ValidationError, match="less than or equal to 9223372036854775807"):
        kind.model_validate({"place": {"name": "x", "points": ({"x": 1 << 63},)}})


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (250, Decimal),  # cents, perhaps
        ("name", tuple[Mixed, ...]),
        ("name", frozenset[Mixed]),
        (("1.50",), Decimal),
    ],
)
def test_what_a_field_of_another_type_has_stored_is_not_read(stored: object, kind: object) -> None:
    made = make(Event, {"field": kind})
    with pytest.raises(Invalid, match=r"field: .* cannot be read as"):
        build(made, {"field": stored})
