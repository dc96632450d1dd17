"""Differences between what a test expects and what came, field by field, for people to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from pydantic import BaseModel

from comity.engine.processes.order import Order
from comity.engine.text import brief

LONGEST = 300
"""Characters of a value in a difference; a longer value is cut."""


def shown(value: object) -> str:
    """A value as text, cut short."""
    return brief(repr(value), LONGEST)


def unlike(
    expected: Sequence[BaseModel], came: Sequence[BaseModel], name: Callable[[int], str]
) -> list[str]:
    """Compare two lists of records in order; return a line or more for each that differs.

    Args:
        expected: the records that the test expects.
        came: the records that came.
        name: names the record with this number, from 1, such as `event 2`.
    """
    lines: list[str] = []
    for number, (one, other) in enumerate(zip_longest(expected, came), 1):
        if one is None:
            lines.append(f"{name(number)}: not expected, came {shown(other)}")
        elif other is None:
            lines.append(f"{name(number)}: expected {shown(one)}, nothing came")
        elif type(one) is not type(other):
            lines += [f"{name(number)}: expected {shown(one)}", f"{' ' * 10}came {shown(other)}"]
        else:
            lines += [f"{name(number)}, {line}" for line in fields_unlike(one, other)]
    return lines


def fields_unlike(expected: BaseModel, came: BaseModel) -> list[str]:
    """Compare two records of one class; return a line for each field that differs."""
    kind = type(expected)
    return [
        f"{kind.__name__}.{field}: expected {shown(one)}, came {shown(other)}"
        for field in kind.model_fields
        if (one := getattr(expected, field)) != (other := getattr(came, field))
    ]


def reactions_unlike(expected: Sequence[object], came: Sequence[object]) -> list[str]:
    """Compare what a process gave; return a line or more for each order or timer that differs."""
    lines: list[str] = []
    for number, (one, other) in enumerate(zip_longest(expected, came), 1):
        name = f"reaction {number}"
        if one == other:
            continue
        if one is None:
            lines.append(f"{name}: not expected, came {shown(other)}")
        elif other is None:
            lines.append(f"{name}: expected {shown(one)}, nothing came")
        elif isinstance(one, Order) and isinstance(other, Order):
            lines += [f"{name}, {line}" for line in _orders_unlike(one, other)]
        else:
            lines += [f"{name}: expected {shown(one)}", f"{' ' * 12}came {shown(other)}"]
    return lines


def _orders_unlike(expected: Order, came: Order) -> list[str]:
    """Compare two orders; return a line for each part that differs."""
    ours, theirs = expected.command, came.command
    if type(ours) is not type(theirs):
        return [f"Order: expected {shown(expected)}, came {shown(came)}"]
    parts = (
        ("decider", expected.decider.name, came.decider.name),
        ("key", expected.key, came.key),
        ("name", expected.name, came.name),
        ("seen", expected.seen, came.seen),
    )
    lines = [
        f"{name}: expected {one!r}, came {other!r}" for name, one, other in parts if one != other
    ]
    return [f"Order.{line}" for line in lines] + fields_unlike(ours, theirs)
