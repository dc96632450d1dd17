"""A reader fits a writer exactly if its class takes all values that the writer's class takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import product
from typing import Annotated, Literal
from uuid import UUID

import pytest
from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf
from pydantic import ConfigDict, Field, ValidationError, model_validator
from tests.evolution.contract.domains import event, value

from comity.engine import Event
from comity.evolution.contract.describing import described
from comity.evolution.contract.fitting import misfits


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


POOLS: dict[str, tuple[Sequence[object], Sequence[object]]] = {
    "numbers": (
        [
            int, Annotated[int, Ge(0)], Annotated[int, Gt(0)], Annotated[int, Ge(1)],
            Annotated[int, Ge(0), Le(3)], Annotated[int, Lt(3)], Annotated[int, Le(2)], int | None,
            Annotated[int, MultipleOf(2)], Annotated[int, MultipleOf(4)],
        ],
        [-5, -4, -1, 0, 1, 2, 3, 4, None],
    ),
    "texts": (
        [
            str, Annotated[str, Len(1, 3)], Annotated[str, Len(0, 3)], Annotated[str, Len(1, 2)],
            Annotated[str, Field(pattern="^a")], str | None,
        ],
        ["", "a", "ab", "abc", "abcd", "b", None],
    ),
    "measures": (
        [float, Annotated[float, Gt(0)], Annotated[float, Ge(1)], Annotated[float, Lt(2)]],
        [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0],
    ),
    "amounts": (
        [
            Decimal, Annotated[Decimal, Ge(Decimal(9))], Annotated[Decimal, Ge(Decimal(10))],
            Annotated[Decimal, Gt(Decimal(9))], Annotated[Decimal, Field(max_digits=3)],
            Annotated[Decimal, Field(decimal_places=1)],
            Annotated[Decimal, Field(max_digits=4, decimal_places=1)],
            Annotated[Decimal, Field(max_digits=4, decimal_places=2)],
            Annotated[Decimal, Field(max_digits=5, decimal_places=2)],
        ],
        [
            Decimal(text)
            for text in (
                "1", "1.25", "9", "9.5", "10", "10.25", "100", "100.5", "1234", "1.125",
                "0.125", "1E+5", "0.0001",
            )
        ],
    ),
    "moments": (
        [
            datetime, Annotated[datetime, Ge(datetime(2027, 1, 1, tzinfo=UTC))],
            Annotated[datetime, Gt(datetime(2027, 1, 1, tzinfo=UTC))],
        ],
        [datetime(year, 1, 1, tzinfo=UTC) for year in (2026, 2027, 2028)],
    ),
    "items": (
        [
            tuple[int, ...], Annotated[tuple[int, ...], Len(1, 2)], tuple[int, int], tuple[int],
            tuple[Annotated[int, Ge(0)], ...], tuple[Annotated[int, Ge(0)], int],
            Annotated[tuple[int, ...], Len(2)], tuple[int | None, ...],
        ],
        [(), (1,), (-1,), (1, -1), (-1, 1), (1, 1), (1, 1, 1), (None,)],
    ),
    "sets": (
        [frozenset[int], Annotated[frozenset[int], Len(1)], frozenset[Annotated[int, Ge(1)]]],
        [frozenset[int](), frozenset({0}), frozenset({1}), frozenset({0, 1})],
    ),
}  # fmt: skip


@pytest.mark.parametrize("pool", POOLS)
def test_a_reader_fits_exactly_if_it_takes_every_value_of_the_writer(pool: str) -> None:
    types, values = POOLS[pool]
    kinds = [event("CardSet", {"field": one}) for one in types]
    wrong = [
        f"{reader.model_fields['field']} reads {writer.model_fields['field']}"
        for reader, writer in product(kinds, kinds)
        if fits(reader, writer) != (taken(reader, values) >= taken(writer, values))
    ]
    assert wrong == []


def fits(reader: type[Event], writer: type[Event]) -> bool:
    return not list(misfits(described(reader), described(writer)))


def taken(kind: type[Event], values: Sequence[object]) -> set[object]:
    return {value for value in values if is_valid(kind, value)}


def is_valid(kind: type[Event], value: object) -> bool:
    try:
        kind.model_validate({"field": value})
    except ValidationError:
        return False
    return True


def test_types_never_stand_for_each_other() -> None:
    """Also not if both are stored alike: a timedelta is stored as a number."""
    types = (
        str, int, float, bool, bytes, datetime, date, time, timedelta, UUID, Decimal,
        tuple[int, ...], frozenset[int],
    )  # fmt: skip
    kinds = [event("CardSet", {"field": one}) for one in types]
    for one, other in product(kinds, kinds):
        assert fits(one, other) == (one is other)


def test_a_literal_is_an_enum_of_the_same_stored_values() -> None:
    coloured, named = event("CardSet", {"field": Colour}), event("CardSet", {"field": str})
    literal = event("CardSet", {"field": Literal["blue", "red"]})
    assert fits(coloured, literal)
    assert fits(literal, coloured)
    assert fits(named, coloured)
    assert not fits(coloured, named)


def test_a_default_of_the_reader_stands_for_a_missing_field() -> None:
    least = event("CardSet", {"field": int})
    more = event("CardSet", {"field": int, "note": (str, "")})
    needed = event("CardSet", {"field": int, "note": str})
    assert fits(more, least)
    assert fits(more, needed)
    assert not fits(needed, least)
    assert not fits(needed, more)
    assert not fits(least, more)


def test_a_setting_of_the_class_limits_its_texts() -> None:
    plain = event("CardSet", {"field": str})
    limited = event("CardSet", {"field": str}, model_config=ConfigDict(str_min_length=1))
    assert fits(plain, limited)
    assert not fits(limited, plain)


def test_unions_nested_records_and_validators_of_a_class_are_described() -> None:
    step: object = value("Step", {"text": str, "done": (bool, False)})
    kind = event(
        "CardSet",
        {
            "first": step,
            "last": step,
            "mark": int | str,
            "tags": (tuple[str, ...], Field(default_factory=tuple)),
        },
        check=model_validator(mode="after")(lambda self: self),
    )
    form = described(kind)
    assert form.validators == ("<lambda>",)
    assert str(form.fields["mark"]) == "int | str"
    assert form.fields["first"] == form.fields["last"]
    assert str(form.fields["first"]) == "record(done, text)"
    assert form.fields["tags"].optional
