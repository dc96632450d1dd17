"""Collects the changes of a batch in memory and writes them at once. Projections use it.

A row that ten events of a batch change is packed, written and indexed once. Rows that a batch has
read or written stay cached for the next one: only one projection writes a model, so the cache is
always current.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.readmodels.tables.figure_work import FigureWork
from comity.readmodels.tables.table_work import TableWork

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comity.readmodels.storage.writing import Writing
    from comity.readmodels.tables.row import Row
    from comity.readmodels.tables.row_change import RowChange
    from comity.readmodels.tables.schema import Schema


class Workspace:
    """The changes that are not written yet: of the current batch, and of those before it if a
    generation is built in bulk.
    """

    def __init__(self, schema: Schema) -> None:
        self.changes: list[RowChange] | None = None
        """The changed rows, for watches; None if there are no watches."""
        self.flushed = False
        """Whether a part of the changes is in the transaction already: `project` has asked."""
        self._figures: Mapping[str, FigureWork] = {
            figure.name: FigureWork(figure) for figure in schema.figures
        }
        self._tables: Mapping[str, TableWork[Row]] = {
            table.name: TableWork(table, self._figures) for table in schema.tables
        }
        self._works: Sequence[TableWork[Row] | FigureWork] = (
            *self._tables.values(),
            *self._figures.values(),
        )
        self._failed: BaseException | None = None

    def begin(self, writing: Writing) -> None:
        """Use this transaction from now on."""
        self.flushed = False
        self._failed = None
        for work in self._works:
            work.begin(writing)

    @property
    def waiting(self) -> int:
        """How many rows and figures have changed since the last flush."""
        return sum(work.waiting for work in self._works)

    def of(self, table: str) -> TableWork[Row]:
        """The changes of one table."""
        return self._tables[table]

    def figure(self, name: str) -> FigureWork:
        """The changes of one figure."""
        return self._figures[name]

    def flush(self) -> None:
        """Write the changes into the transaction.

        If this fails, part of them is written: every later flush fails too, even if `project`
        catches the error.
        """
        if self._failed is not None:
            raise self._failed
        self.flushed = True
        try:
            for table in self._tables.values():
                changes = table.flush()
                if self.changes is not None:
                    self.changes += changes
            for figure in self._figures.values():
                figure.flush()
        except BaseException as error:
            self._failed = error
            raise

    def forget(self) -> None:
        """Discard everything in memory, because the transaction failed."""
        for work in self._works:
            work.forget()
        self._failed = None
        if self.changes is not None:
            self.changes.clear()
