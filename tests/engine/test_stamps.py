"""Stamped events are read without validation, and are what validation would have made of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntFlag, StrEnum
from functools import cached_property
from typing import Annotated, Literal, NewType, cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    create_model,
    field_validator,
    model_validator,
)

from comity.engine import Event, Fields, Invalid, Key, UnreadableEvent, Value
from comity.engine.journal.packing import packed
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.decider import store
from comity.engine.messages import codec
from comity.engine.messages.event_types import EventTypes


class Colour(Enum):
    RED = "r"
    NUMBER = 7


class Size(StrEnum):
    SMALL = "s"


class Rights(IntFlag):
    READ = 1
    WRITE = 2


class Point(Value):
    x: int
    y: float = 0.5
    at: datetime | None = None


class Line(Value):
    ends: tuple[Point, Point]
    by: Point | None


Sku = NewType("Sku", str)
WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)
TEXT = st.text(max_size=20)
MOMENT = st.datetimes(timezones=st.just(UTC))
POINT = st.builds(Point, x=WHOLE, y=st.floats(allow_nan=False, allow_infinity=False), at=MOMENT)

KINDS: dict[str, tuple[object, st.SearchStrategy[object]]] = {
    "text": (str, TEXT),
    "text with limits": (Annotated[str, Field(min_length=1, pattern="a")], st.just("cat")),
    "stripped text": (Annotated[str, StringConstraints(strip_whitespace=True)], TEXT),
    "a key": (Key[str], TEXT),
    "a new type": (Sku, TEXT),
    "a whole number": (int, WHOLE),
    "a number with limits": (Annotated[int, Field(ge=1, multiple_of=3)], st.just(6)),
    "a float": (float, st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 9)),
    "a bool": (bool, st.booleans()),
    "bytes": (bytes, st.binary(max_size=20)),
    "nothing": (None, st.none()),
    "a literal": (Literal["a", 1, b"x"] | None, st.sampled_from(["a", 1, b"x", None])),
    "perhaps text": (str | None, st.none() | TEXT),
    "one of several": (int | float | str | bool, WHOLE | st.just(1.0) | TEXT | st.booleans()),
    "a moment": (datetime, st.datetimes(timezones=st.timezones()).filter(lambda at: at.year > 1)),
    "perhaps a moment": (datetime | None, st.none() | MOMENT),
    "a day": (date, st.dates()),
    "a time of day": (time, st.times()),
    "a duration": (timedelta, st.timedeltas(timedelta(-9999), timedelta(9999))),
    "an id": (UUID, st.uuids()),
    "an exact number": (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    "an amount": (Annotated[Decimal, Field(max_digits=9, decimal_places=2)], st.just(Decimal(5))),
    "an Enum": (Colour, st.sampled_from(Colour)),
    "an Enum of texts": (Size, st.sampled_from(Size)),
    "flags": (Rights, st.sampled_from([Rights.READ, Rights.READ | Rights.WRITE])),
    "many numbers": (tuple[int, ...], st.tuples(WHOLE, WHOLE) | st.just(())),
    "a pair": (tuple[str, Decimal], st.tuples(TEXT, st.just(Decimal("1.50")))),
    "pairs of moments": (tuple[tuple[str, datetime], ...], st.just((("a", datetime.now(UTC)),))),
    "a set": (frozenset[str], st.frozensets(TEXT)),
    "a set of ids": (frozenset[UUID], st.frozensets(st.uuids())),
    "a record": (Point, POINT),
    "perhaps a record": (Point | None, st.none() | POINT),
    "records": (tuple[Point, ...], st.tuples(POINT, POINT)),
    "a set of records": (frozenset[Point], st.frozensets(POINT)),
    "a record with records": (Line, st.builds(Line, ends=st.tuples(POINT, POINT), by=POINT)),
}
"""Each kind of field that a class with a stamp may have, with its values."""


def event_class(called: str = "Happened", /, **fields: object) -> type[Event]:
    """An event class with fields of these annotations."""
    required = {field: (annotation, ...) for field, annotation in fields.items()}
    return cast("type[Event]", create_model(called, __base__=Event, **required))  # type: ignore[call-overload]


CLASSES = {name: event_class(it=kind, other=str) for name, (kind, _) in KINDS.items()}


def load(kind: type[Event], stored: StoredEvent) -> Event:
    return EventTypes("shop", [kind]).load(stored)


def stored_ways(event: Event) -> list[StoredEvent]:
    """The event as a journal has it: its fields as a map, and as bytes in commits of format 2."""
    stored = store(event)
    return [stored, stored._replace(data=codec.pack(event))]


def same(one: Event, other: Event) -> bool:
    """Whether two events cannot be told apart; the order in a set does not count."""
    ours, theirs = vars(one), vars(other)
    return (
        (type(one), one, hash(one)) == (type(other), other, hash(other))
        and [*ours] == [*theirs]
        and [*map(type, ours.values())] == [*map(type, theirs.values())]
        and codec.pack(one) == codec.pack(other)
        and one.model_fields_set == other.model_fields_set
        and one.__pydantic_extra__ is other.__pydantic_extra__ is None
        and one.__pydantic_private__ is other.__pydantic_private__ is None
    )


@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_a_stamped_event_is_read_as_validation_would_make_it(
    name: str, data: st.DataObject
) -> None:
    kind = CLASSES[name]
    event = kind.model_validate({"it": data.draw(KINDS[name][1]), "other": "x"})
    assert kind.__stamp__
    for stored in stored_ways(event):
        assert stored.stamp == kind.__stamp__
        validated = load(kind, stored._replace(stamp=0))
        assert same(load(kind, stored), validated)
        assert validated == event


class Named(Event):
    name: Key[str]
    size: int


def test_only_what_has_the_stamp_is_not_validated() -> None:
    wrong = {"name": "a", "size": "no number"}
    trusted = load(Named, StoredEvent("Named", 1, wrong, Named.__stamp__))
    assert trusted.__dict__ == wrong  # this shows that nothing looked at it
    for stamp in (0, Named.__stamp__ ^ 1):
        with pytest.raises(UnreadableEvent, match="size: Input should be a valid integer"):
            load(Named, StoredEvent("Named", 1, wrong, stamp))


def test_a_loaded_event_shares_nothing_with_the_stored_one() -> None:
    fields: dict[str, object] = {"name": "a", "size": 1}
    stored = StoredEvent("Named", 1, fields, Named.__stamp__)
    one, other = load(Named, stored), load(Named, stored)
    vars(one)["more"] = 1  # as a cached_property does
    assert other.__dict__ == fields == {"name": "a", "size": 1}


DAMAGED: dict[str, object] = {
    "no map": 5,
    "nothing": None,
    "a list": ["a", 1],
    "a field is missing": {"name": "a"},
    "a field too many": {"name": "a", "size": 1, "more": 2},
    "another field": {"name": "a", "width": 1},
    "names that are bytes": {b"name": "a", b"size": 1},
    "no fields": {},
    "bytes that are no map": b"\x05",
    "torn bytes": packed({"name": "a", "size": 1})[:-1],
}


@pytest.mark.parametrize("case", DAMAGED)
def test_fields_that_are_not_the_classs_are_refused_with_its_stamp_too(case: str) -> None:
    told: list[str] = []
    for stamp in (0, Named.__stamp__):
        with pytest.raises(UnreadableEvent) as refused:
            load(Named, StoredEvent("Named", 1, DAMAGED[case], stamp))
        told.append(str(refused.value))
    assert told[0] == told[1]


def test_fields_in_another_order_are_validated_and_put_in_order() -> None:
    stored = StoredEvent("Named", 1, {"size": 1, "name": "a"}, Named.__stamp__)
    assert list(load(Named, stored).__dict__) == ["name", "size"]


def test_a_value_that_cannot_be_converted_is_refused_with_the_stamp_too() -> None:
    kind = CLASSES["an Enum"]
    stored = StoredEvent("Happened", 1, {"it": "green", "other": "x"}, kind.__stamp__)
    with pytest.raises(UnreadableEvent, match="it: 'green' cannot be read as Colour"):
        load(kind, stored)


def test_a_nested_record_is_not_validated_again_either() -> None:
    kind, wrong = CLASSES["a record"], {"x": "no number", "y": 1.0, "at": None}
    stored = StoredEvent("Happened", 1, {"it": wrong, "other": "x"}, kind.__stamp__)
    assert vars(vars(load(kind, stored))["it"]) == wrong  # this shows that nothing looked at it
    assert wrong == {"x": "no number", "y": 1.0, "at": None}
    with pytest.raises(UnreadableEvent, match="x: Input should be a valid integer"):
        load(kind, stored._replace(stamp=0))


@pytest.mark.parametrize("fields", [{"x": 1, "z": 2.0}, {"x": 1, "y": 1.0, "at": None, "z": 1}, 5])
def test_a_nested_record_with_other_fields_is_refused_with_the_stamp_too(fields: object) -> None:
    kind = CLASSES["a record"]
    stored = StoredEvent("Happened", 1, {"it": fields, "other": "x"}, kind.__stamp__)
    with pytest.raises(UnreadableEvent):
        load(kind, stored)


def test_a_nested_record_without_a_field_gets_the_default_with_the_stamp_too() -> None:
    kind = CLASSES["a record"]
    stored = StoredEvent("Happened", 1, {"it": {"x": 1}, "other": "x"}, kind.__stamp__)
    assert load(kind, stored) == load(kind, stored._replace(stamp=0))


def test_an_older_schema_is_upcast_and_validated_whatever_its_stamp() -> None:
    def as_size(width: int | str) -> Fields:
        return {"size": width}

    class Named(Event):
        stored_as = "Named"
        schema_version = 2
        upcasts = {1: as_size}
        name: Key[str]
        size: int

    fields: dict[str, object] = {"name": "a", "width": 1}
    stored = StoredEvent("Named", 1, fields, Named.__stamp__)
    assert load(Named, stored) == Named(name="a", size=1)
    assert fields == {"name": "a", "width": 1}
    with pytest.raises(UnreadableEvent, match="size: Input should be a valid integer"):
        load(Named, stored._replace(data={"name": "a", "width": "1"}))


# --- which classes have a stamp, and the same -----------------------------------------------------

BEFORE = event_class(name=str, size=int)
CHANGES: dict[str, type[Event]] = {
    "a name": event_class(name=str, length=int),
    "the order": event_class(size=int, name=str),
    "a field more": event_class(name=str, size=int, more=int),
    "a field less": event_class(name=str),
    "a type": event_class(name=str, size=float),
    "a limit": event_class(name=str, size=Annotated[int, Field(ge=0)]),
    "None": event_class(name=str, size=int | None),
    "a pattern": event_class(name=Annotated[str, Field(pattern="a")], size=int),
    "the stored name": event_class("Other", name=str, size=int),
    "a record's limit": event_class(
        name=str, size=create_model("Point", __base__=Value, x=(Annotated[int, Field(ge=0)], ...))
    ),
    "a record": event_class(name=str, size=create_model("Point", __base__=Value, x=(int, ...))),
    "a Literal": event_class(name=str, size=Literal[1]),
    "a longer Literal": event_class(name=str, size=Literal[1, 2]),
    "how texts are read": cast(
        "type[Event]",
        type(
            "Happened",
            (Event,),
            {
                "__module__": __name__,
                "__annotations__": {"name": str, "size": int},
                "model_config": ConfigDict(str_strip_whitespace=True),
            },
        ),
    ),
}


def test_each_change_of_a_class_changes_its_stamp() -> None:
    stamps = [BEFORE.__stamp__, *(kind.__stamp__ for kind in CHANGES.values())]
    assert all(0 < stamp < 1 << 32 for stamp in stamps)
    assert len(set(stamps)) == len(stamps)


def test_a_new_schema_version_changes_the_stamp() -> None:
    def same() -> Fields:
        return {}

    class First(Event):
        stored_as = "Happened"
        it: str

    class Second(Event):
        stored_as = "Happened"
        schema_version = 2
        upcasts = {1: same}
        it: str

    assert First.__stamp__ != Second.__stamp__ != 0


def test_what_does_not_change_the_stored_fields_does_not_change_the_stamp() -> None:
    class Renamed(Event):
        """It has documentation, another class name, a default and a method."""

        stored_as = "Happened"
        name: str = "nobody"
        size: int = Field(default=1, description="in metres")

        @cached_property
        def double(self) -> int:
            return 2 * self.size

    assert Renamed.__stamp__ == BEFORE.__stamp__
    event = Renamed()
    assert event.double == 2
    assert load(Renamed, store(event)) == event


def test_a_class_whose_fields_changed_validates_what_it_wrote_before() -> None:
    stored = store(BEFORE.model_validate({"name": "a", "size": -1}))
    with pytest.raises(UnreadableEvent, match="greater than or equal to 0"):
        load(CHANGES["a limit"], stored)


def test_a_stamp_is_the_same_in_each_process() -> None:
    program = (
        "from tests.engine.test_stamps import CLASSES\n"
        "print([kind.__stamp__ for kind in CLASSES.values()])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert found.stdout.strip() == str([kind.__stamp__ for kind in CLASSES.values()])


def lower(value: str) -> str:
    return value.lower()


class Checked(Value):
    x: int

    @field_validator("x")
    @classmethod
    def _even(cls, value: int) -> int:
        return value


class ChecksField(Event):
    it: str

    @field_validator("it")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.lower()


class ChecksAll(Event):
    it: str

    @model_validator(mode="after")
    def _all(self) -> ChecksAll:
        return self


class DoesMore(Event):
    it: str

    def model_post_init(self, context: object, /) -> None:
        del context


class MakesItself(Event):
    it: str

    def __init__(self, **fields: object) -> None:
        super().__init__(**{"it": "x", **fields})


class Lowers(Event):
    model_config = ConfigDict(str_to_lower=True)
    it: str


ALWAYS_VALIDATED: dict[str, type[Event]] = {
    "after": event_class(it=Annotated[str, AfterValidator(lower)]),
    "before": event_class(it=Annotated[str, BeforeValidator(lower)]),
    "plain": event_class(it=Annotated[str, PlainValidator(lower)]),
    "inside a tuple": event_class(it=tuple[Annotated[str, AfterValidator(lower)], ...]),
    "inside a record": event_class(it=Checked),
    "inside records": event_class(it=tuple[Checked, ...]),
    "a field's validator": ChecksField,
    "a class's validator": ChecksAll,
    "what follows validation": DoesMore,
    "a constructor": MakesItself,
    "texts that are changed": Lowers,
    "a text that is changed": event_class(it=Annotated[str, StringConstraints(to_lower=True)]),
    "without strictness": event_class(it=Annotated[int, Field(strict=False)]),
    "one of several in order": event_class(
        it=Annotated[int | float, Field(union_mode="left_to_right")]
    ),
}


@pytest.mark.parametrize("case", ALWAYS_VALIDATED)
def test_a_class_that_may_judge_a_value_anew_has_no_stamp(case: str) -> None:
    assert ALWAYS_VALIDATED[case].__stamp__ == 0


def test_an_event_without_a_stamp_is_validated() -> None:
    with pytest.raises(UnreadableEvent):
        load(ChecksField, StoredEvent("ChecksField", 1, {"it": 1}, 0))
    assert load(ChecksField, store(ChecksField(it="a"))) == ChecksField(it="a")


# --- fields to be packed together with others -----------------------------------------------------


@settings(max_examples=10, deadline=None)
@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_storable_fields_pack_as_the_event_alone(name: str, data: st.DataObject) -> None:
    event = CLASSES[name].model_validate({"it": data.draw(KINDS[name][1]), "other": "x"})
    before = dict(event.__dict__)
    assert packed((7, codec.storable(event))) == b"\x92\x07" + codec.pack(event)
    assert event.__dict__ == before


def test_storable_fields_are_the_messages_own_where_nothing_is_converted() -> None:
    event = Named(name="a", size=1)
    assert codec.storable(event) is event.__dict__


def test_what_a_cached_property_computed_is_not_stored() -> None:
    class Counted(Event):
        size: int

        @cached_property
        def double(self) -> int:
            return 2 * self.size

    event = Counted(size=2)
    assert event.double == 4
    assert codec.storable(event) == {"size": 2}


CANNOT: dict[str, tuple[Callable[[object], object], str]] = {
    "an object": (lambda _: object(), "cannot be stored: can not serialize"),
    "text that grows": (lambda text: f"{text}!", "would be read back changed"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_storable_refuses_what_would_not_come_back(case: str) -> None:
    change, told = CANNOT[case]
    kind = event_class(it=Annotated[str, PlainValidator(change)])
    with pytest.raises(Invalid, match=told):
        codec.storable(kind.model_validate({"it": "x"}))
