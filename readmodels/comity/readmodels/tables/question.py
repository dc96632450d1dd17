"""A question: a span of keys in a table or index, and a direction. Queries answer it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol
from zlib import crc32

from msgpack import packb

from comity.engine.lmdb.span import EVERYTHING, Span

if TYPE_CHECKING:
    from comity.readmodels.tables.any_table import AnyTable
    from comity.readmodels.tables.key_kinds import KeyKinds


class Source(Protocol):
    """A table or one of its indexes: something with sorted keys."""

    @property
    def name(self) -> str:
        """Its name in the model."""
        ...

    @property
    def table(self) -> AnyTable:
        """The table that holds its rows."""
        ...

    @property
    def stored_as(self) -> str:
        """The name of its LMDB table."""
        ...

    @property
    def kinds(self) -> KeyKinds:
        """The types of its keys."""
        ...


class Question(NamedTuple):
    """Which rows, and in which order."""

    source: Source
    span: Span = EVERYTHING
    words: str = "everything"
    """The span in words."""
    backwards: bool = False
    wanted: Callable[[object], bool] | None = None
    """In a scan: the test that a row must pass."""

    @property
    def by_primary_key(self) -> bool:
        """Whether the table's own key serves it."""
        return self.source is self.source.table

    @property
    def checksum(self) -> int:
        """A checksum of the question, to notice a cursor of another one."""
        low, high = self.span
        return crc32(packb((self.source.stored_as, low, high, self.backwards)))


class Plan(NamedTuple):
    """How a question is answered; `str(plan)` is a sentence."""

    table: str
    served_by: str | None
    """The index that serves it; None for the table's own key."""
    span: str
    backwards: bool
    scan: bool
    """Whether every row of the span is read and tested."""

    @classmethod
    def of(cls, question: Question) -> Plan:
        """The plan of a question."""
        index = None if question.by_primary_key else question.source.name
        scan = question.wanted is not None
        return cls(question.source.table.name, index, question.words, question.backwards, scan=scan)

    def __str__(self) -> str:
        by = f"index {self.served_by}" if self.served_by else f"the key of {self.table}"
        order = "backwards" if self.backwards else "in order"
        then = f", then the row of each entry from {self.table}" if self.served_by else ""
        scan = "; every row is read and tested" if self.scan else ""
        return f"{by}, {self.span}, {order}{then}{scan}"
