"""Queries: questions to one snapshot. Bound tables and indexes give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, cast

from comity.engine.arguments import check_whole
from comity.engine.errors import Invalid
from comity.readmodels.tables.binding import Binding, Found
from comity.readmodels.tables.cursor import pack_cursor, unpack_cursor
from comity.readmodels.tables.question import Plan, Question
from comity.readmodels.tables.row import unpack_all

if TYPE_CHECKING:
    from comity.engine.lmdb.span import Entry
    from comity.readmodels.tables.row import Columns

T = TypeVar("T")
P = TypeVar("P")
T_co = TypeVar("T_co", covariant=True)

MOST_ON_A_PAGE = 1_000
MAX_BATCH = 10_000
_AT_ONCE = 128
"""Rows that are read at a time during iteration."""


class Page(NamedTuple, Generic[T]):
    """Some rows, and the cursor of the next page."""

    rows: Sequence[T]
    next: str | None
    """Pass it as `after` to get the next page; None if this is the last page. It stays valid while
    rows are added and removed, and may be given to a web client."""


class Query(Generic[T]):
    """Rows in order, read lazily. It is valid as long as its snapshot.

    Example:
        cards.by_assignee["ann"].reversed().page(limit=20).rows
    """

    __slots__ = ("_binding", "_make", "_question")

    def __init__(
        self, binding: Binding, question: Question, make: Callable[[Columns], T] | None = None
    ) -> None:
        self._binding = binding
        self._question = question
        self._make = make or cast("Callable[[Columns], T]", question.source.table.codec.make)

    def __iter__(self) -> Iterator[T]:
        for batch in self.batches(_AT_ONCE):
            yield from batch

    def batches(self, size: int) -> Iterator[Sequence[T]]:
        """The rows in lists of `size`, at most 10,000; no list is empty."""
        most = min(check_whole(size, "the size of a batch", 1), MAX_BATCH)
        return (rows for found in self._found(most) if (rows := self._rows(found.rows)))

    def list(self, limit: int | None = None) -> list[T]:
        """All rows, or the first `limit` rows."""
        if limit is None:
            return [row for batch in self.batches(1_000) for row in batch]
        most, rows = check_whole(limit, "the most rows"), list[T]()
        for batch in self.batches(min(most, 1_000)) if most else ():
            rows += batch
            if len(rows) >= most:
                break
        return rows[:most]

    def first(self) -> T | None:
        """The first row, or None."""
        return next(iter(self.batches(1)), [None])[0]

    def exists(self) -> bool:
        """Whether there is at least one row."""
        return self.first() is not None

    def count(self) -> int:
        """The number of rows. Fast for a whole table and for one key of an index."""
        if self._question.wanted is None:
            return self._binding.count(self._question)
        return sum(map(len, self.batches(1_000)))

    def reversed(self) -> Query[T]:
        """The same rows in reverse order."""
        turned = self._question._replace(backwards=not self._question.backwards)
        return Query(self._binding, turned, self._make)

    def page(self, limit: int, after: str | None = None) -> Page[T]:
        """The first `limit` rows, or those after the page whose `next` is passed as `after`.

        Raises:
            Invalid: the limit is not 1 to 1,000, or the cursor belongs to another query.
        """
        if type(limit) is not int or not 1 <= limit <= MOST_ON_A_PAGE:
            msg = f"a page holds 1 to {MOST_ON_A_PAGE:,} rows, got {limit!r:.100}"
            raise Invalid(msg)
        question = self._question
        position = None if after is None else unpack_cursor(question, after)
        entries: list[Entry] = []
        rows: list[bytes] = []
        for found in self._found(limit + 1, position):
            entries += found.entries
            rows += found.rows
            if len(rows) > limit:
                key, value = entries[limit - 1]
                last = key, b"" if question.by_primary_key else value
                return Page(self._rows(rows[:limit]), pack_cursor(question.checksum, last))
        return Page(self._rows(rows), None)

    def into(self, kind: type[P]) -> Query[P]:
        """Read only some columns, into a NamedTuple or Row whose fields have the same names.

        Raises:
            WiringError: it has a field that the rows do not have, or one of another type.

        Example:
            class Brief(NamedTuple):
                card: str
                title: str

            cards.by_assignee["ann"].into(Brief).list()
        """
        return Query(self._binding, self._question, self._question.source.table.codec.part(kind))

    def explain(self) -> Plan:
        """The plan: which index serves the query, and how; `str(plan)` is a sentence."""
        return Plan.of(self._question)

    def _found(self, size: int, position: Entry | None = None) -> Iterator[Found]:
        """What is found, `size` entries at a time; in a scan only what is wanted."""
        while True:
            found = self._binding.find(self._question, size, position)
            yield self._wanted(found)
            if len(found.rows) < size:
                return
            position = found.entries[-1]

    def _wanted(self, found: Found) -> Found:
        wanted = self._question.wanted
        if wanted is None:
            return found
        rows = map(self._question.source.table.codec.make, unpack_all(found.rows))
        places = [place for place, row in enumerate(rows) if wanted(row)]
        return Found(
            [found.entries[place] for place in places], [found.rows[place] for place in places]
        )

    def _rows(self, rows: Sequence[bytes]) -> Sequence[T]:
        return list(map(self._make, unpack_all(rows)))


class Selection(Generic[T_co]):
    """A question without a snapshot. `domain.watch` watches it.

    Write it like a query, but on the class of the model: `Cards.by_assignee["ann"]`.
    """

    __slots__ = ("question",)

    def __init__(self, question: Question) -> None:
        self.question = question

    def __repr__(self) -> str:
        source = self.question.source
        return f"Selection({source.name}, {self.question.words})"
