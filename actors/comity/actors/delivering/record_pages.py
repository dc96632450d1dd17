"""Finds the record of a single event, by its position in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record


class RecordPages:
    """Records of a journal by position. The last page is kept: its neighbours often come next."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._page: Sequence[Record] = ()

    def at(self, position: int) -> Record | None:
        """The record that has the event at this position; None if no event has it."""
        found = self._find(position)
        if found is None:
            self._page = next(self._journal.follow(position - 1), ())
            found = self._find(position)
        return found

    def _find(self, position: int) -> Record | None:
        for record in self._page:
            if record.position < position <= record.last_position:
                return record
        return None
