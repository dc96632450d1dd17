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
        and (reader.multiple_of is None or reader.multiple_of == writer.multiple_of)
        and _digits(writer) <= _digits(reader)
        and _places(writer) <= _places(reader)
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


def _digits(form: Form) -> float:
    return inf if form.max_digits is None else form.max_digits


def _places(form: Form) -> float:
    return inf if form.decimal_places is None else form.decimal_places
