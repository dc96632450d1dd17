"""Queries: a question put to one snapshot. Bound tables and indexes give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, cast

from comity.engine.arguments import check_whole
from comity.engine.errors import Invalid
from comity.readmodels.tables.cursor import pack_cursor, unpack_cursor
from comity.readmodels.tables.question import Plan, Question

if TYPE_CHECKING:
    from comity.engine.lmdb.span import Entry
    from comity.readmodels.tables.binding import Binding

T = TypeVar("T")
P = TypeVar("P")
T_co = TypeVar("T_co", covariant=True)

MOST_ON_A_PAGE = 1_000
MAX_BATCH = 10_000
_AT_ONCE = 128
"""Rows that are read at a time while somebody iterates."""


class Page(NamedTuple, Generic[T]):
    """Some rows, and where the next ones begin."""

    rows: Sequence[T]
    next: str | None
    """Give it as `after` to get the next page; None: this is the last one. It stays good while rows
    come and go, and is safe to hand to a web client."""


class Query(Generic[T]):
    """Rows in order, read when they are asked for. It lives as long as its snapshot.

    Example:
        cards.by_assignee["ann"].reversed().page(limit=20).rows
    """

    __slots__ = ("_binding", "_question", "_read")

    def __init__(
        self, binding: Binding, question: Question, read: Callable[[bytes], T] | None = None
    ) -> None:
        self._binding = binding
        self._question = question
        self._read = read or cast("Callable[[bytes], T]", question.source.table.codec.unpack)

    def __iter__(self) -> Iterator[T]:
        for batch in self.batches(_AT_ONCE):
            yield from batch

    def batches(self, size: int) -> Iterator[Sequence[T]]:
        """The rows, so many at a time, 10,000 at most; none is empty."""
        most = min(check_whole(size, "the size of a batch", 1), MAX_BATCH)
        return (rows for found in self._found(most) if (rows := self._rows(found)))

    def list(self, limit: int | None = None) -> list[T]:
        """The rows, at most so many."""
        if limit is None:
            return [row for batch in self.batches(1_000) for row in batch]
        most, rows = check_whole(limit, "the most rows"), list[T]()
        for batch in self.batches(min(most, 1_000)) if most else ():
            rows += batch
            if len(rows) >= most:
                break
        return rows[:most]

    def first(self) -> T | None:
        """The first row; None where there is none."""
        return next(iter(self.batches(1)), [None])[0]

    def exists(self) -> bool:
        """Whether there is any row."""
        return self.first() is not None

    def count(self) -> int:
        """How many rows there are. Quick for a whole table, and for one key of an index."""
        if self._question.wanted is None:
            return self._binding.count(self._question)
        return sum(map(len, self.batches(1_000)))

    def reversed(self) -> Query[T]:
        """The same rows, the last one first."""
        turned = self._question._replace(backwards=not self._question.backwards)
        return Query(self._binding, turned, self._read)

    def page(self, limit: int, after: str | None = None) -> Page[T]:
        """So many rows, after those of the page whose `next` is given.

        Raises:
            Invalid: the limit is not 1 to 1,000, or the cursor is not one of this question.
        """
        if type(limit) is not int or not 1 <= limit <= MOST_ON_A_PAGE:
            msg = f"a page holds 1 to {MOST_ON_A_PAGE:,} rows, got {limit!r:.100}"
            raise Invalid(msg)
        question = self._question
        position = None if after is None else unpack_cursor(question, after)
        found: list[tuple[Entry, bytes]] = []
        for some in self._found(limit + 1, position):
            found += [one for one in some if self._is_wanted(one[1])] if question.wanted else some
            if len(found) > limit:
                last = found[limit - 1][0]
                rows = [self._read(data) for _, data in found[:limit]]
                return Page(rows, pack_cursor(question.checksum, last))
        return Page([self._read(data) for _, data in found], None)

    def into(self, kind: type[P]) -> Query[P]:
        """Read only some columns: into a NamedTuple, or a Row, with fields of the same names.

        Raises:
            WiringError: it has a field that the rows do not have.

        Example:
            class Brief(NamedTuple):
                card: str
                title: str

            cards.by_assignee["ann"].into(Brief).list()
        """
        return Query(self._binding, self._question, self._question.source.table.codec.part(kind))

    def explain(self) -> Plan:
        """Which index serves the question, and how; `str()` of it is a sentence."""
        return Plan.of(self._question)

    def _found(
        self, size: int, position: Entry | None = None
    ) -> Iterator[Sequence[tuple[Entry, bytes]]]:
        while True:
            found = self._binding.find(self._question, size, position)
            yield found
            if len(found) < size:
                return
            position = found[-1][0]

    def _rows(self, found: Sequence[tuple[Entry, bytes]]) -> Sequence[T]:
        read = self._read
        if self._question.wanted is None:
            return [read(data) for _, data in found]
        return [read(data) for _, data in found if self._is_wanted(data)]

    def _is_wanted(self, data: bytes) -> bool:
        wanted = self._question.wanted
        return wanted is None or wanted(self._question.source.table.codec.unpack(data))


class Selection(Generic[T_co]):
    """A question that is not put to a snapshot yet: what `domain.watch` watches.

    The class of a read model gives it, as its instances give queries: `Cards.by_assignee["ann"]`.
    """

    __slots__ = ("question",)

    def __init__(self, question: Question) -> None:
        self.question = question

    def __repr__(self) -> str:
        source = self.question.source
        return f"Selection({source.name}, {self.question.words})"
