"""Connects an instance of a read model with one state of its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from comity.engine.errors import NotReady
from comity.engine.lmdb.library import Handle
from comity.engine.lmdb.span import Entry
from comity.readmodels.storage.reading import Reading
from comity.readmodels.tables.question import Question

if TYPE_CHECKING:
    from comity.readmodels.tables.workspace import Workspace


class Lag(NamedTuple):
    """How far a read model, or a snapshot of it, is behind the journal."""

    events: int
    """How many events are not applied; at most so many, where the journal's positions have gaps."""
    seconds: float
    """The age in seconds of the oldest event that is not applied; 0 if there is none."""


class Found(NamedTuple):
    """Some rows of a query."""

    entries: Sequence[Entry]
    """The entry that led to each row: of the index, or of the table."""
    rows: Sequence[bytes]
    """The packed rows."""


class Binding:
    """One state of the tables: a snapshot, or the batch that is being projected.

    A snapshot that is never closed ends when no model, table or query refers to it any more.
    """

    __slots__ = ("lag", "reading", "work")

    def __init__(
        self,
        reading: Reading,
        work: Workspace | None = None,
        lag: Callable[[int], Lag] | None = None,
    ) -> None:
        self.reading = reading
        self.work = work
        """The batch's changes so far; None for a snapshot."""
        self.lag = lag
        """Computes the lag of a position; None if the journal is not known."""

    def __del__(self) -> None:
        if self.work is None:
            self.reading.close()

    def handle(self, stored_as: str) -> Handle:
        """The LMDB table of this name.

        Raises:
            NotReady: this generation was built by a program without this table.
        """
        try:
            return self.reading.handles[stored_as]
        except KeyError:
            msg = f"{stored_as} is new and is being built: try again when the rebuild is done"
            raise NotReady(msg) from None

    def find(self, question: Question, limit: int, after: Entry | None) -> Found:
        """Up to `limit` packed rows, after (backwards: before) the entry `after`."""
        reading = self.settled()
        entries = reading.entries(
            self.handle(question.source.stored_as),
            question.span,
            limit,
            after=after,
            backwards=question.backwards,
        )
        if question.by_primary_key:
            return Found(entries, [data for _, data in entries])
        table = self.handle(question.source.table.stored_as)
        rows = reading.get_many(table, [key for _, key in entries])
        if None in rows:
            raise reading.damaged(f"{question.source.name} has an entry without a row")
        return Found(entries, cast("Sequence[bytes]", rows))

    def count(self, question: Question) -> int:
        """The number of entries in the question's span."""
        return self.settled().count(self.handle(question.source.stored_as), question.span)

    def settled(self) -> Reading:
        """The transaction to read from, after writing the batch's changes so far to it."""
        if self.work is not None:
            self.work.flush()
        return self.reading
