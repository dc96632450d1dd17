"""Keys sort as bytes as they do in Python, come back, and neither values nor bytes can do harm."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple, cast
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from comity.engine import Invalid
from comity.readmodels import Descending, descending
from comity.readmodels.keys.encoding import MAX_KEY, after, alike, decode, encode, family, prefix
from comity.readmodels.keys.encoding import text_prefix as starting
from comity.readmodels.keys.tags import DEEPEST
from comity.readmodels.keys.writer import WRITERS

Values = st.SearchStrategy[Any]

quietly = settings(deadline=None)  # cores are shared

OFFSETS = st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
TEXTS = st.text(st.sampled_from("\0\x01\x02ab\x7f\x80éÿ\uffff😀"), max_size=6) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=6
)
BYTES = st.lists(st.sampled_from([0, 1, 2, 254, 255]), max_size=6).map(bytes)
INTS = st.integers() | st.integers(-300, 300) | st.integers(-(2**80), 2**80)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False) | st.tuples(
    st.integers(0, 1), st.lists(st.integers(0, 9), max_size=5).map(tuple), st.integers(-300, 300)
).map(Decimal)
EARLY, LATE = datetime(2, 1, 1), datetime(9998, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone
LEAVES: dict[str, Values] = {
    "str": TEXTS,
    "int": INTS,
    "float": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "bytes": BYTES,
    "datetime": st.datetimes(EARLY, LATE, timezones=OFFSETS),
    "date": st.dates(),
    "time": st.times(),
    "timedelta": st.timedeltas(),
    "UUID": st.uuids(),
    "Decimal": DECIMALS,
}
LEAF = st.sampled_from(list(LEAVES.values()))


def compound(shapes: st.SearchStrategy[Values]) -> st.SearchStrategy[Values]:
    """Strategies of values that hold values of these strategies, and can be compared."""
    return st.one_of(
        shapes.map(lambda shape: st.builds(descending, shape)),
        shapes.map(lambda shape: shape | st.none()),
        shapes.map(lambda shape: st.lists(shape, max_size=3).map(tuple)),
        st.lists(shapes, max_size=3).map(lambda parts: st.tuples(*parts)),
    )


SHAPES = st.recursive(LEAF, compound, max_leaves=4)
"""Strategies of values of like types, as one index holds them."""
ANYTHING = SHAPES.flatmap(lambda shape: shape)


def some(shape: Values) -> st.SearchStrategy[list[Any]]:
    return st.lists(shape, min_size=2, max_size=4)


def rank(value: object) -> tuple[Any, ...]:
    """The value, such that Python puts None first."""
    match value:
        case None:
            return (0,)
        case tuple():
            return 1, tuple(map(rank, cast("tuple[object, ...]", value)))
        case Descending():
            return 1, descending(rank(cast("Descending[object]", value).value))
        case _:
            return 1, value


def agree(values: Sequence[object]) -> None:
    keys = [encode(value) for value in values]
    for (one, key), (two, other) in product(zip(values, keys, strict=True), repeat=2):
        assert (rank(one) < rank(two)) == (key < other)
        assert (one == two) == (key == other)


def fits(value: object) -> bool:
    try:
        encode(value)
    except Invalid as error:
        return f"at most {MAX_KEY} bytes" not in str(error)
    return True


# --- order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LEAVES)
@quietly
@given(data=st.data())
def test_plain_values_sort_as_bytes_as_they_do_in_python(kind: str, data: st.DataObject) -> None:
    agree(data.draw(some(LEAVES[kind])))


@quietly
@given(SHAPES.flatmap(some))
def test_so_do_tuples_of_any_length_and_depth_and_what_descends_and_is_none(
    values: list[object],
) -> None:
    assume(all(map(fits, values)))
    agree(values)


@quietly
@given(st.lists(st.tuples(TEXTS, INTS | st.none()), max_size=20))
def test_sorting_rows_by_their_bytes_is_sorting_them_the_newest_first(
    rows: list[tuple[str, int | None]],
) -> None:
    keyed = [(text, descending(number)) for text, number in rows if number is not None]
    assert sorted(keyed, key=encode) == sorted(keyed)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (0.0, -0.0),
        (Decimal("1.0"), Decimal("1.00")),
        (Decimal(0), Decimal("-0E+7")),
        (Decimal(100), Decimal("1E+2")),
        (
            datetime(2026, 5, 1, 12, tzinfo=UTC),
            datetime(2026, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        ),
        (time(2, 30), time(2, 30, fold=1)),
    ],
)
def test_what_is_equal_has_equal_bytes(one: object, two: object) -> None:
    assert one == two
    assert encode(one) == encode(two)
    assert encode(("a", one)) == encode(("a", two))


@pytest.mark.parametrize(
    "values",
    [
        [float("-inf"), -1.7e308, -5e-324, 0.0, 5e-324, 1.0, float("inf")],
        [-(256**100) + 1, -(2**64), -(2**63), -257, -256, -255, -1, 0, 1, 255, 256, 256**100 - 1],
        [timedelta.min, timedelta(microseconds=-1), timedelta(0), timedelta.max],
        [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)],
        [date.min, date(1969, 12, 31), date(1970, 1, 1), date.max],
        [time.min, time.max],
        [UUID(int=0), UUID(int=1), UUID(int=2**128 - 1)],
        [Decimal(text) for text in ("-9E+999999999", "-2", "-1.5", "-1", "-1E-999999999", "0")],
        [Decimal(text) for text in ("0", "1E-999999999", "0.99", "1", "1.01", "9E+999999999")],
        [
            "",
            "\0",
            "\0\0",
            "\0\x01",
            "\x01",
            "a",
            "a\0",
            "a\0b",
            "a\x01",
            "ab",
            "\ud7ff",
            "\U0010ffff",
        ],
        [(), (None,), (None, "a"), ("",), ("", None), ("", ""), ("a", ())],
        [("a", (1,)), ("a", (1, 2)), ("a", (2,)), ("b", ())],
    ],
)
def test_the_ends_of_each_range_are_in_order_too(values: list[object]) -> None:
    keys = [encode(value) for value in values]
    assert keys == sorted(set(keys))
    assert [decode(key) for key in keys] == values
    falling = [encode(("x", descending(value))) for value in values]
    assert falling == sorted(set(falling), reverse=True)


@quietly
@given(ANYTHING, ANYTHING)
def test_no_value_in_a_tuple_begins_another(one: object, two: object) -> None:
    assume(fits((one,)) and fits((two,)))
    key, other = encode((one,))[1:], encode((two,))[1:]
    assert key == other or not other.startswith(key)


# --- and back -------------------------------------------------------------------------------------


@quietly
@given(ANYTHING)
def test_a_key_comes_back_as_it_was(value: object) -> None:
    assume(fits(value))
    found = decode(encode(value))
    assert found == value
    assert type(found) is type(value)


class Color(enum.StrEnum):
    RED = "red"


class Level(enum.Enum):
    LOW = 1
    PAIR = ("a", 2)


class Place(NamedTuple):
    row: int
    name: str


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Color.RED, "red"),
        (Level.LOW, 1),
        (Level.PAIR, ("a", 2)),
        (("x", Level.PAIR), ("x", ("a", 2))),
        ((Color.RED, descending(Level.LOW)), ("red", descending(1))),
        (Place(1, "a"), (1, "a")),
        ((Place(1, "a"), 2), ((1, "a"), 2)),
        (Loud("quiet"), "quiet"),
    ],
)
def test_enums_and_subclasses_are_the_keys_that_their_plain_values_are(
    value: object, plain: object
) -> None:
    assert encode(value) == encode(plain)
    assert decode(encode(value)) == plain
    assert family(value) == family(plain)


def test_a_decimal_comes_back_as_people_write_it() -> None:
    assert str(decode(encode(Decimal(1200)))) == "1200"
    assert str(decode(encode(Decimal("12.50")))) == "12.5"


# --- bytes that are no keys -----------------------------------------------------------------------


def check_hostile(data: bytes) -> None:
    try:
        value = decode(data)
    except Invalid:
        return
    assert encode(value) == data


@quietly
@given(st.binary(max_size=60) | st.lists(st.integers(0, 16) | st.integers(239, 255)).map(bytes))
def test_any_bytes_are_just_one_key_or_invalid(data: bytes) -> None:
    check_hostile(data)


@quietly
@given(ANYTHING, st.data())
def test_so_are_the_bytes_of_keys_that_were_changed(value: object, data: st.DataObject) -> None:
    assume(fits(value))
    key = bytearray(encode(value))
    at = data.draw(st.integers(0, len(key) - 1))
    check_hostile(bytes(key[:at]))
    check_hostile(bytes(key[:at] + key[at + 1 :]))
    key[at] = data.draw(st.integers(0, 255))
    check_hostile(bytes(key))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x0f" * MAX_KEY,
        b"\x0e\xf1" * 200,
        b"\x04\xff\x01",
        b"\x04\x81\x00",
        b"\x06\xc0\xe4" + b"\xff" * 100 + b"\x02\x00",
        b"\x05\xff\xf8" + bytes(6),
        b"\x05\x7f" + b"\xff" * 7,
        b"\x09" + b"\xff" * 8,
        b"\x0b" + b"\xff" * 8,
        b"\x07\xff\x00\x01",
        b"\x07a\x00\x01b",
        b"\x07a\x00\x02\x00\x01",
        b"\x03\x02",
    ],
)
def test_these_are_no_keys(data: bytes) -> None:
    with pytest.raises(Invalid, match="expected"):
        decode(data)


def test_bytes_that_are_too_many_for_a_key_are_not_even_read() -> None:
    with pytest.raises(Invalid, match="at most 500 bytes of an encoded key, got 20,000,000"):
        decode(b"\x07a" * 10_000_000)


# --- values that are no keys ----------------------------------------------------------------------


class NoZone(tzinfo):
    def utcoffset(self, dt: datetime | None, /) -> None:
        return None

    dst = tzname = utcoffset


class Shy:
    def __repr__(self) -> str:
        raise RuntimeError


def told(param: object) -> str:
    return param if isinstance(param, str) else type(param).__name__


def alone(value: object) -> object:
    return (value,)


def nested(depth: int, wrap: Callable[[object], object]) -> object:
    value: object = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([1], "expected a key of str.*got list .*use one of its fields"),
        (object(), "got object"),
        (Shy(), r"got Shy \(cannot be shown\)"),
        ({"a": 1}, "got dict"),
        (1j, "got complex"),
        (datetime(2026, 5, 1), "with a time zone, got .*tzinfo=UTC"),  # noqa: DTZ001
        (datetime(2026, 5, 1, tzinfo=NoZone()), "with a time zone"),
        (
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
            "whose year in UTC is 1 to 9999",
        ),
        (
            datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
            "whose year in UTC is 1 to 9999",
        ),
        (time(1, tzinfo=UTC), "without a time zone"),
        (float("nan"), "got NaN: use None"),
        (Decimal("NaN"), "finite Decimal, got NaN"),
        (Decimal("sNaN"), "finite Decimal, got sNaN"),
        (Decimal("-Infinity"), "finite Decimal, got -Infinity"),
        ("\ud800", "UTF-8 can encode, got .*surrogate"),
        (256**100, "at most 100 bytes, got one of 101"),
        (-(256**100), "at most 100 bytes, got one of 101"),
        (10**10_000, "at most 100 bytes, got one of 4,153"),
        (nested(DEEPEST + 1, descending), "16 levels deep.*flatten"),
        (nested(2000, alone), "16 levels deep.*flatten"),
    ],
    ids=told,  # a value may not be shown
)
def test_a_value_without_a_place_in_an_order_is_refused(value: object, told: str) -> None:
    for key in (value, ("a", value), ("a", descending(value)), ("a", ("b", value))):
        with pytest.raises(Invalid, match=told):
            encode(key)


def test_a_family_is_refused_to_what_cannot_be_a_key_too() -> None:
    for value in ([1], ("a", object()), nested(2000, alone)):
        with pytest.raises(Invalid, match="expected"):
            family(value)


def test_a_key_has_at_most_500_bytes_whatever_asks_for_it() -> None:
    text = "x" * (MAX_KEY - 3)
    assert len(encode(text)) == MAX_KEY
    asks: list[Callable[[str], object]] = [encode, starting, prefix]
    for ask in asks:
        with pytest.raises(Invalid, match=r"at most 500 bytes, got 50\d.*use its beginning"):
            ask(text + "xx")


@pytest.mark.parametrize("wrap", [descending, alone])
def test_what_is_as_deep_as_may_be_comes_back(wrap: Callable[[object], object]) -> None:
    for value in (nested(DEEPEST, wrap), (nested(DEEPEST, wrap),)):
        assert decode(encode(value)) == value


def test_the_beginning_of_a_text_is_text() -> None:
    with pytest.raises(Invalid, match="expected the start of a text, got 5"):
        starting(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a host may


# --- ranges ---------------------------------------------------------------------------------------


@quietly
@given(SHAPES.flatmap(lambda shape: st.tuples(some(shape), some(shape))), st.integers(0, 4))
def test_a_prefix_begins_the_keys_of_all_tuples_that_begin_so_and_no_others(
    drawn: tuple[list[object], list[object]], size: int
) -> None:
    row, other = map(tuple, drawn)
    parts = row[:size]
    assume(fits(row) and fits(other))
    assert encode(row).startswith(prefix(*parts))
    assert encode(other).startswith(prefix(*parts)) == (other[: len(parts)] == parts)


@quietly
@given(TEXTS, TEXTS, TEXTS)
def test_the_beginning_of_a_text_begins_the_keys_of_all_texts_that_begin_so(
    start: str, rest: str, other: str
) -> None:
    assert encode(start + rest).startswith(starting(start))
    assert encode(other).startswith(starting(start)) == other.startswith(start)
    assert encode((5, start + rest, "x")).startswith(prefix(5) + starting(start))
    assert encode((5, other)).startswith(prefix(5) + starting(start)) == other.startswith(start)


@quietly
@given(BYTES, BYTES)
def test_after_is_less_than_nothing_but_what_comes_before_or_begins_so(
    start: bytes, other: bytes
) -> None:
    end = after(start)
    within = other < start or other.startswith(start)
    assert within == (end is None or other < end)
    assert all((key < end) if end else end is None for key in (start, start + other))


# --- descending -----------------------------------------------------------------------------------


@quietly
@given(st.lists(INTS, min_size=2, max_size=2))
def test_descending_values_compare_the_other_way_round(pair: list[int]) -> None:
    one, two = pair
    falling, other = descending(one), descending(two)
    assert (falling < other, falling <= other) == (one > two, one >= two)
    assert (falling > other, falling >= other) == (one < two, one <= two)
    assert (falling == other) == (one == two)
    assert len({falling, other}) == len({one, two})


def test_a_descending_value_cannot_be_changed_nor_compared_with_a_bare_one() -> None:
    value = descending(1)
    with pytest.raises(FrozenInstanceError):
        value.value = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        assert value < 2
    assert repr(value) == "descending(1)"


# --- families -------------------------------------------------------------------------------------

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a", "str"),
        (True, "bool"),
        (NOW, "datetime"),
        (None, "None"),
        ((), "()"),
        (("a",), "(str,)"),
        (("a", NOW), "(str, datetime)"),
        (("a", descending(NOW), None), "(str, descending datetime, None)"),
        (descending(("a", (1, b"", 2.0))), "descending (str, (int, bytes, float))"),
        ((date.min, time.min, timedelta(0)), "(date, time, timedelta)"),
        ((UUID(int=1), Decimal(1)), "(UUID, Decimal)"),
    ],
)
def test_a_family_reads_as_python_types_do(value: object, said: str) -> None:
    assert family(value) == said


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("a", "b", True),
        (1, "a", False),
        (1, True, False),
        (1, 1.0, False),
        (1, Decimal(1), False),
        (NOW, NOW.date(), False),
        ("a", ("a",), False),
        (None, ("a",), True),
        (None, "a", True),
        (("a", NOW), ("b", None), True),
        ((None, NOW), ("b", None), True),
        (("a", NOW), ("b", 1), False),
        (("a",), ("b", 1), True),
        ((1,), ("b", 1), False),
        (("a", descending(NOW)), ("b", NOW), False),
        (("a", descending(NOW)), ("b", descending(None)), True),
        (("a", descending(NOW)), ("b", descending(1)), False),
        ((("a", 1), NOW), (("b", None), NOW), True),
        ((("a", 1), NOW), (("b", 2), 5), False),
        ((("a", (1, 2)), NOW), (("a", (1, "x")), NOW), False),
        (descending((1, ("a",))), descending((1, (b"a",))), False),
    ],
)
def test_families_are_alike_unless_they_differ_at_a_place_where_neither_is_none(
    one: object, two: object, *, expected: bool
) -> None:
    assert alike(family(one), family(two)) is expected
    assert alike(family(two), family(one)) is expected


@quietly
@given(SHAPES.flatmap(some))
def test_the_keys_that_one_index_holds_are_alike(values: list[object]) -> None:
    assert all(alike(family(one), family(two)) for one, two in product(values, repeat=2))


# --- the tests themselves -------------------------------------------------------------------------


def unescaped(text: str) -> bytes:
    return b"\x07" + text.encode() + b"\x00\x01"


def in_two_units(text: str) -> bytes:
    return b"\x07" + text.encode("utf-16-be")


def in_digits(number: int) -> bytes:
    return b"\x04" + str(number).encode()


def with_its_sign_first(number: int) -> bytes:
    return b"\x04" + number.to_bytes(8, "big", signed=True)


def without_its_last(parts: tuple[object, ...]) -> bytes:
    return b"\x0f" + b"".join(map(encode, parts[:-1]))


@pytest.mark.parametrize(
    ("fault", "values"),
    [
        (unescaped, ["a", "a\0\0"]),
        (in_two_units, ["\uffff", "😀"]),
        (in_digits, [9, 10]),
        (with_its_sign_first, [-1, 1]),
        (without_its_last, [("a", 1), ("a", 2)]),
    ],
)
def test_a_fault_in_a_writer_would_be_found(
    fault: Callable[..., bytes], values: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(values)
    monkeypatch.setitem(WRITERS, type(values[0]), fault)
    with pytest.raises(AssertionError):
        agree(values)
