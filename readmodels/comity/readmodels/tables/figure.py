"""A figure of one group, as it is stored, and what all kinds of figures have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from enum import Enum
from typing import NamedTuple, cast

import msgpack

from comity.engine.errors import Invalid
from comity.readmodels.keys.encoding import encode
from comity.readmodels.tables.key_kinds import KeyKinds
from comity.readmodels.tables.row import Row

_EXACT = Context(prec=1_000, traps=[Inexact, InvalidOperation, Overflow])
"""Adds Decimals without rounding, which would depend on the order and on the batches."""


class Figure(NamedTuple):
    """One group's figure as it is stored."""

    members: int
    """How many rows are in the group; 0 for totals, which have no rows."""
    number: int | Decimal

    def pack(self) -> bytes:
        """As bytes."""
        number = self.number
        if isinstance(number, Decimal):
            return msgpack.packb((self.members, str(number)))
        if number.bit_length() < 64:  # noqa: PLR2004 - what msgpack takes
            return msgpack.packb((self.members, number))
        return msgpack.packb((self.members, b"%d" % number))

    @classmethod
    def unpack(cls, data: bytes | None) -> Figure:
        """Again; nothing is zero."""
        if data is None:
            return NOTHING
        members, number = msgpack.unpackb(data)
        return cls(members, Decimal(number) if isinstance(number, str) else int(number))

    def plus(self, members: int, number: int | Decimal) -> Figure:
        """Changed by so much."""
        return Figure(self.members + members, plus(self.number, number))

    @property
    def is_nothing(self) -> bool:
        """Whether the group need not be kept."""
        return self.members == 0 and self.number == 0


NOTHING = Figure(0, 0)


def plus(one: int | Decimal, other: int | Decimal) -> int | Decimal:
    """Both together, exactly."""
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    return _EXACT.add(Decimal(one), Decimal(other))


def minus(number: int | Decimal) -> int | Decimal:
    """As much, to be taken off."""
    return -number if isinstance(number, int) else number.copy_negate()


class AnyFigure(ABC):
    """A figure, whatever its groups."""

    of_rows = True
    """Whether it follows from a table's rows; totals are added to by `project`."""

    def __init__(self, kinds: KeyKinds) -> None:
        self.name = ""
        self.kinds = kinds
        """What its groups are made of."""

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name

    @property
    def stored_as(self) -> str:
        """The name of its LMDB table."""
        return self.name

    @property
    @abstractmethod
    def functions(self) -> tuple[Callable[..., object], ...]:
        """What the model gave: their code tells whether it has to be built again."""

    def share(self, row: Row) -> tuple[object, int | Decimal]:
        """The group that the row is in, if any, and what it adds there."""
        return None, 0


def group_key(group: object) -> bytes:
    """A group as the key of its figure.

    Raises:
        Invalid: it is an Enum, of which only the value would come back.
    """
    is_tuple = isinstance(group, tuple)
    for part in cast("tuple[object, ...]", group) if is_tuple else (group,):
        if isinstance(part, Enum):
            msg = f"groups are read back from their keys: group by {part!r}.value"
            raise Invalid(msg)
    return encode(group)
