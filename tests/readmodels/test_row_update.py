"""An update checks what it changes as a new row would be checked, and touches nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from functools import cached_property
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, field_validator

from comity.readmodels import Row
from comity.readmodels.keys.columns import columns_read, same_columns
from comity.readmodels.tables.row_update import RowUpdate


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Row):
    name: str


class Wide(Row):
    text: str
    short: Annotated[str, Field(max_length=3)] = ""
    number: int = 0
    share: float = 0.0
    flag: bool = False
    either: int | bool = 0
    at: datetime | None = None
    colour: Colour = Colour.RED
    inner: Inner | None = None
    others: tuple[Inner, ...] = ()
    tags: tuple[str, ...] = ()

    @cached_property
    def shout(self) -> str:
        return self.text.upper()


class Checked(Row):
    low: int
    high: int

    @field_validator("high")
    @classmethod
    def _above(cls, high: int) -> int:
        if high < 0:
            raise ValueError("below zero")
        return high


NOW = datetime(2026, 1, 2, tzinfo=UTC)
WIDE = Wide(text="a", inner=Inner(name="x"), at=NOW)
VALUES: Mapping[str, list[object]] = {
    "text": ["b", "", 1, None, b"x", "\ud800"],
    "short": ["abc", "abcd", 3],
    "number": [1, True, "1", 1 << 63, 1.0],
    "share": [1.5, 2, float("nan"), "1"],
    "flag": [True, 1, None],
    "either": [1, True, 0, False, "x"],
    "at": [NOW.astimezone(timezone(timedelta(hours=2))), datetime(2026, 1, 1), None, 5],  # noqa: DTZ001
    "colour": [Colour.BLUE, "blue", None],
    "inner": [Inner(name="z"), None, {"name": "z"}, 5],
    "others": [(Inner(name="z"),), [Inner(name="z")], ({"name": "z"},)],
    "tags": [("a", "b"), ["a"], ("a", 1), ("x",) * 10_001],
    "nope": [1],
}
CHANGES = st.lists(st.sampled_from(sorted(VALUES)), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in names})
)


def outcome(make: Callable[[], Row]) -> object:
    try:
        row = make()
    except ValidationError as error:
        return str(error)
    return repr(row), {name: type(value).__name__ for name, value in row.__dict__.items()}


@given(changes=CHANGES)
def test_an_update_is_what_a_copy_is(changes: dict[str, Any]) -> None:
    update = RowUpdate(Wide)
    copied = outcome(lambda: WIDE.model_copy(update=changes))
    assert outcome(lambda: update(WIDE, changes)) == copied


def test_what_does_not_change_is_the_same_object_and_is_not_checked_again() -> None:
    row = RowUpdate(Wide)(WIDE, {"number": 5})
    assert row.inner is WIDE.inner
    assert row == WIDE.model_copy(update={"number": 5})
    assert hash(row.number) == 5
    assert WIDE.number == 0


def test_an_update_of_a_row_that_remembers_a_property_does_not_keep_it() -> None:
    row = Wide(text="a")
    assert row.shout == "A"
    assert RowUpdate(Wide)(row, {"text": "b"}).shout == "B"


def test_a_class_with_validators_of_its_own_is_checked_whole() -> None:
    update = RowUpdate(Checked)
    row = Checked(low=1, high=2)
    assert update(row, {"high": 3}) == Checked(low=1, high=3)
    with pytest.raises(ValidationError, match="below zero"):
        update(row, {"high": -1})


# --- which columns a function reads ---------------------------------------------------------------


def branches(row: Wide) -> object:
    if row.flag:
        return None
    text = row.text
    return text, row.number


def rebinds(row: Wide) -> object:
    row = WIDE
    return row.text


def closes_over(row: Wide) -> object:
    return sorted("ab", key=lambda letter: letter == row.text)


READS: list[tuple[Callable[[Wide], object], tuple[str, ...] | None]] = [
    (lambda row: row.text, ("text",)),
    (lambda row: (row.text, row.number), ("number", "text")),
    (lambda row: None if row.flag else row.text.lower(), ("flag", "text")),
    (lambda row: f"{row.text!r}", ("text",)),
    (lambda row: 5, ()),  # noqa: ARG005
    (lambda row: row.shout, None),
    (lambda row: row.model_dump(), None),
    (lambda row: str(row), None),  # noqa: PLW0108
    (lambda row: getattr(row, "text"), None),  # noqa: B009
    (lambda row: row, None),
    (lambda row: eval("row.text"), None),  # noqa: ARG005, S307
    (branches, ("flag", "number", "text")),
    (rebinds, None),
    (closes_over, None),
]


@pytest.mark.parametrize(("function", "expected"), READS)
def test_the_columns_that_a_function_reads_are_found_in_its_code(
    function: Callable[[Wide], object], expected: tuple[str, ...] | None
) -> None:
    assert columns_read(function, frozenset(Wide.model_fields)) == expected


def test_equal_values_of_other_types_are_not_the_same_column() -> None:
    one, other = Wide(text="a", either=1), Wide(text="a", either=True)
    assert one.either == other.either
    assert not same_columns(("either",), one, other)
    assert same_columns(("number", "colour"), one, other)
    assert not same_columns(None, one, one)
    assert not same_columns((), None, one)
