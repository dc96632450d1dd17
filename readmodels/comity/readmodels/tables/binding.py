"""What binds an instance of a read model to one state of its tables. Its tables ask through it."""

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
    seconds: float
    """The age of the oldest event that it has not taken; 0 when there is none."""


class Binding:
    """One state: a snapshot, or the batch that is being projected.

    A snapshot that nobody closed ends with the last of the model, tables and queries bound to it.
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
        """While projecting: what the batch has changed so far."""
        self.lag = lag
        """How far a position is behind the journal, where somebody knows."""

    def __del__(self) -> None:
        if self.work is None:
            self.reading.close()

    def handle(self, stored_as: str) -> Handle:
        """The LMDB table of this name.

        Raises:
            NotReady: this generation was built by a program that did not have it.
        """
        try:
            return self.reading.handles[stored_as]
        except KeyError:
            msg = f"{stored_as} is new and being built: ask again when the rebuild is done"
            raise NotReady(msg) from None

    def find(
        self, question: Question, limit: int, after: Entry | None
    ) -> Sequence[tuple[Entry, bytes]]:
        """Up to so many rows, as bytes, and at which entry each was found."""
        reading = self.settled()
        entries = reading.entries(
            self.handle(question.source.stored_as),
            question.span,
            limit,
            after=after,
            backwards=question.backwards,
        )
        if question.by_primary_key:
            return [((key, b""), data) for key, data in entries]
        table = self.handle(question.source.table.stored_as)
        rows = reading.get_many(table, [key for _, key in entries])
        if None in rows:
            raise reading.damaged(f"{question.source.name} leads to a row that is not there")
        return list(zip(entries, cast("list[bytes]", rows), strict=True))

    def count(self, question: Question) -> int:
        """How many entries the question's span has."""
        return self.settled().count(self.handle(question.source.stored_as), question.span)

    def settled(self) -> Reading:
        """What can be asked, with all that the batch has changed so far."""
        if self.work is not None:
            self.work.flush()
        return self.reading
