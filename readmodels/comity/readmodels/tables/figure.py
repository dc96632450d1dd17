"""The stored figure of a group, and the base class of all kinds of figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from enum import Enum
from typing import Final, NamedTuple, TypeAlias, cast

import msgpack

from comity.engine.errors import Invalid
from comity.readmodels.keys.columns import same_columns
from comity.readmodels.keys.encoding import encode
from comity.readmodels.keys.same_key import same_key
from comity.readmodels.tables.key_kinds import KeyKinds
from comity.readmodels.tables.row import Row

_EXACT = Context(prec=1_000, traps=[Inexact, InvalidOperation, Overflow])
"""Adds Decimals without rounding, since rounded sums would depend on the order of the events."""


class Figure(NamedTuple):
    """The stored figure of one group."""

    members: int
    """How many rows are in the group; 0 for totals, which have no rows."""
    number: int | Decimal

    def pack(self) -> bytes:
        """The figure as bytes."""
        number = self.number
        if isinstance(number, Decimal):
            return msgpack.packb((self.members, str(number)))
        if number.bit_length() < 64:  # noqa: PLR2004 - what msgpack takes
            return msgpack.packb((self.members, number))
        return msgpack.packb((self.members, b"%d" % number))

    @classmethod
    def unpack(cls, data: bytes | None) -> Figure:
        """Read a packed figure; None gives zero."""
        if data is None:
            return NOTHING
        members, number = msgpack.unpackb(data)
        return cls(members, Decimal(number) if isinstance(number, str) else int(number))

    def plus(self, members: int, number: int | Decimal) -> Figure:
        """The figure with these numbers added."""
        return Figure(self.members + members, plus(self.number, number))

    @property
    def is_nothing(self) -> bool:
        """Whether the group is empty and need not be stored."""
        return self.members == 0 and self.number == 0


NOTHING = Figure(0, 0)

Share: TypeAlias = tuple[object, int | Decimal]
"""A row's group, and the number that it adds to the group."""

NO_SHARE: Final[Share] = (None, 0)


def plus(one: int | Decimal, other: int | Decimal) -> int | Decimal:
    """The exact sum."""
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    return _EXACT.add(Decimal(one), Decimal(other))


def minus(number: int | Decimal) -> int | Decimal:
    """The negative number."""
    return -number if isinstance(number, int) else number.copy_negate()


class AnyFigure(ABC):
    """A figure without its type parameters."""

    of_rows = True
    """Whether it is computed from a table's rows; `project` changes totals itself."""

    def __init__(self, kinds: KeyKinds, columns: Sequence[str] | None = None) -> None:
        self.name = ""
        self.kinds = kinds
        """The kinds of its groups."""
        self.columns = columns
        """The fields that the functions read; None if that is not known."""

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name

    @property
    def stored_as(self) -> str:
        """The name of its LMDB table."""
        return self.name

    @property
    @abstractmethod
    def functions(self) -> tuple[Callable[..., object], ...]:
        """The model's functions for it. If their code changes, the figure is rebuilt."""

    def share(self, row: Row) -> Share:
        """The row's group (None: no group), and the number that it adds to the group."""
        return None, 0

    def moved(self, old: Row | None, new: Row | None) -> tuple[Share, Share] | None:
        """What the row adds to the figure before and after; None if that is the same."""
        if same_columns(self.columns, old, new):
            return None
        before = NO_SHARE if old is None else self.share(old)
        after = NO_SHARE if new is None else self.share(new)
        return None if same_key(before, after) else (before, after)


def group_key(group: object) -> bytes:
    """The encoded key of a group's figure.

    Raises:
        Invalid: it is an Enum, which would be read back as its value.
    """
    is_tuple = isinstance(group, tuple)
    for part in cast("tuple[object, ...]", group) if is_tuple else (group,):
        if isinstance(part, Enum):
            msg = f"an Enum cannot be a group: group by {part!r}.value"
            raise Invalid(msg)
    return encode(group)
