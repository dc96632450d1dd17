"""Whether the limits of one form let through everything that is within those of another one."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import TypeAlias, cast

from comity.evolution.contract.form import Form

_Limit: TypeAlias = tuple[int | float | Decimal | str, bool]
"""A value, and whether it is inclusive (an upper limit) or exclusive (a lower one): of two limits
with the same value the greater one is further up."""


def within(reader: Form, writer: Form) -> bool:
    """Whether the reader's limits let through all that is within the writer's.

    Args:
        reader: a form.
        writer: a form of the same type.
    """
    low, high = _lower(reader), _upper(reader)
    written_low, written_high = _lower(writer), _upper(writer)
    return (
        (low is None or (written_low is not None and written_low >= low))
        and (high is None or (written_high is not None and written_high <= high))
        and _shortest(writer) >= _shortest(reader)
        and _longest(writer) <= _longest(reader)
        and reader.pattern in {None, writer.pattern}
        and _steps_within(reader, writer)
        and all(
            theirs <= ours for ours, theirs in zip(_digits(reader), _digits(writer), strict=True)
        )
    )


def _lower(form: Form) -> _Limit | None:
    limits = [(_value(form, form.ge), False)] if form.ge is not None else []
    if form.gt is not None:
        limit = _value(form, form.gt)
        if form.type == "int" and isinstance(limit, int):  # above 1 is from 2 on
            limits.append((limit + 1, False))
        else:
            limits.append((limit, True))
    return max(limits, default=None)


def _upper(form: Form) -> _Limit | None:
    limits = [(_value(form, form.le), True)] if form.le is not None else []
    if form.lt is not None:
        limit = _value(form, form.lt)
        if form.type == "int" and isinstance(limit, int):
            limits.append((limit - 1, True))
        else:
            limits.append((limit, False))
    return min(limits, default=None)


def _value(form: Form, limit: object) -> int | float | Decimal | str:
    """Return a limit so that it can be compared; dates and times are texts that sort like them."""
    return Decimal(str(limit)) if form.type == "decimal" else cast("int | float | str", limit)


def _shortest(form: Form) -> int:
    return len(form.of) or form.min_length or 0


def _longest(form: Form) -> float:
    return len(form.of) or (inf if form.max_length is None else form.max_length)


def _steps_within(reader: Form, writer: Form) -> bool:
    """Whether all multiples of the writer's number are multiples of the reader's."""
    ours, theirs = reader.multiple_of, writer.multiple_of
    if ours is None or ours == theirs:
        return True
    if theirs is None or reader.type == "float":
        return False
    return Decimal(str(theirs)) % Decimal(str(ours)) == 0


def _digits(form: Form) -> tuple[float, float, float]:
    """Return how many digits there may be in all, before the point, and behind it.

    With both limits, the digits that the places do not use are kept for them, as pydantic has it.
    """
    most = inf if form.max_digits is None else form.max_digits
    places = inf if form.decimal_places is None else form.decimal_places
    return most, most if places == inf else most - places, min(most, places)
