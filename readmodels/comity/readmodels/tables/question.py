"""What is asked of a table: a span of one of its keys, forwards or backwards. Queries ask it."""

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
    """What has keys in order: a table or one of its indexes."""

    @property
    def name(self) -> str:
        """As the model calls it."""
        ...

    @property
    def table(self) -> AnyTable:
        """The table whose rows it leads to."""
        ...

    @property
    def stored_as(self) -> str:
        """The name of its LMDB table."""
        ...

    @property
    def kinds(self) -> KeyKinds:
        """What its keys are made of."""
        ...


class Question(NamedTuple):
    """Which rows, and in which order."""

    source: Source
    span: Span = EVERYTHING
    words: str = "everything"
    """The span as a person would say it."""
    backwards: bool = False
    wanted: Callable[[object], bool] | None = None
    """In a scan: which rows are wanted."""

    @property
    def by_primary_key(self) -> bool:
        """Whether the table itself serves it."""
        return self.source is self.source.table

    @property
    def checksum(self) -> int:
        """Tells questions apart, so that a cursor of another one is noticed."""
        low, high = self.span
        return crc32(packb((self.source.stored_as, low, high, self.backwards)))


class Plan(NamedTuple):
    """How a question is answered; `str(plan)` is a sentence."""

    table: str
    served_by: str | None
    """The index that serves it; None: the table's own key."""
    span: str
    backwards: bool
    scan: bool
    """Whether every row of the span is read and looked at."""

    @classmethod
    def of(cls, question: Question) -> Plan:
        """The plan of a question."""
        index = None if question.by_primary_key else question.source.name
        scan = question.wanted is not None
        return cls(question.source.table.name, index, question.words, question.backwards, scan=scan)

    def __str__(self) -> str:
        by = f"index {self.served_by}" if self.served_by else f"the key of {self.table}"
        order = "backwards" if self.backwards else "in order"
        then = f", then a row of {self.table} for each" if self.served_by else ""
        scan = "; every row is read and looked at" if self.scan else ""
        return f"{by}, {self.span}, {order}{then}{scan}"
