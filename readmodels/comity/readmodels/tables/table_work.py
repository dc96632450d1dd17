"""Collects a batch's changes to one table. Workspaces use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from comity.readmodels.keys.columns import same_columns
from comity.readmodels.tables.figure import AnyFigure, group_key, minus
from comity.readmodels.tables.row import Row
from comity.readmodels.tables.row_change import RowChange
from comity.readmodels.tables.unique_work import UniqueWork

if TYPE_CHECKING:
    from comity.engine.lmdb.span import Entry
    from comity.readmodels.storage.writing import Writing
    from comity.readmodels.tables.any_table import AnyIndex, AnyTable
    from comity.readmodels.tables.figure_work import FigureWork

R = TypeVar("R", bound=Row)

CACHED: Final = 20_000
"""The most rows that are cached between batches."""


class TableWork(Generic[R]):
    """The changes to one table that are not written yet.

    Args:
        figures: the changes of each figure; the table's rows add to theirs.
    """

    def __init__(self, table: AnyTable, figures: Mapping[str, FigureWork]) -> None:
        self._table = table
        self._pack = table.codec.pack
        self._figures = figures
        self._uniques = [UniqueWork(index) for index in table.indexes if index.unique]
        self._known: dict[bytes, R | None] = {}
        """Rows as they are in the transaction, including flushed changes."""
        self._changed: dict[bytes, R | None] = {}
        """Rows that have changed since the last flush."""

    def begin(self, writing: Writing) -> None:
        """Use this transaction from now on."""
        self._writing = writing
        self._handle = writing.handles[self._table.stored_as]
        for unique in self._uniques:
            unique.begin(writing)
        if len(self._known) > CACHED:
            self._known.clear()

    @property
    def waiting(self) -> int:
        """How many rows have changed since the last flush."""
        return len(self._changed)

    def get(self, key: bytes) -> R | None:
        """The row with the batch's changes; None if there is none."""
        if key in self._changed:
            return self._changed[key]
        return self._before(key)

    def put(self, key: bytes, row: R | None) -> None:
        """Set the row with this key; None removes it. If this fails, nothing changes."""
        if self._uniques:
            before = self.get(key)
            # All are checked before the first one changes: `project` may catch the error.
            moves = [unique.check(key, before, row) for unique in self._uniques]
            for unique, moved in zip(self._uniques, moves, strict=True):
                if moved is not None:
                    unique.take(key, moved)
        self._changed[key] = row

    def move(self, old: bytes, new: bytes, row: R) -> None:
        """Move the row to another key; if this fails, nothing changes."""
        before = self.get(old)
        self.put(old, None)
        try:
            self.put(new, row)
        except BaseException:  # `project` may catch it
            self.put(old, before)
            raise

    def flush(self) -> Sequence[RowChange]:
        """Write the changed rows and index entries, and add to the figures; returns the changes."""
        if not self._changed:
            return ()
        changed, self._changed = self._changed, {}
        name = self._table.name
        changes = [
            RowChange(name, key, old, new)
            for key, new in changed.items()
            if not self._same(old := self._before(key), new)
        ]
        self._write_rows(changes)
        for index in self._table.indexes:
            self._write_index(index, changes)
        for figure in self._table.figures:
            self._count(figure, changes)
        for unique in self._uniques:
            unique.forget()
        self._known.update(changed)
        return changes

    def forget(self) -> None:
        """Begin again from what is stored."""
        self._known.clear()
        self._changed.clear()
        for unique in self._uniques:
            unique.forget()

    def _before(self, key: bytes) -> R | None:
        try:
            return self._known[key]
        except KeyError:
            data = self._writing.get(self._handle, key)
            row = None if data is None else cast("R", self._table.codec.unpack(data))
            self._known[key] = row
            return row

    def _same(self, old: R | None, new: R | None) -> bool:
        """Whether both are stored as the same bytes; two rows that differ take 0.5 µs."""
        if old is None or new is None or old is new:
            return old is new
        fields, others = old.__dict__, new.__dict__
        for name in self._table.codec.names:
            if fields[name] != others[name]:
                return False
        return same_columns(self._table.codec.names, old, new) or self._pack(old) == self._pack(new)

    def _write_rows(self, changes: Sequence[RowChange]) -> None:
        writing, handle = self._writing, self._handle
        puts = [(key, self._pack(cast("R", new))) for _, key, _, new in changes if new is not None]
        writing.put_all(handle, sorted(puts))
        for _, key, _, new in changes:
            if new is None:
                writing.delete(handle, key)

    def _write_index(self, index: AnyIndex, changes: Sequence[RowChange]) -> None:
        handle = self._writing.handles[index.stored_as]
        puts: list[Entry] = []
        for _, key, old, new in changes:
            moved = index.moved(old, new)
            if moved is None:
                continue
            before, after = moved
            for entry in before:
                if entry not in after:
                    self._writing.delete(handle, entry, b"" if index.unique else key)
            puts += [(entry, key) for entry in after if entry not in before]
        self._writing.put_all(handle, sorted(puts))

    def _count(self, figure: AnyFigure, changes: Sequence[RowChange]) -> None:
        work = self._figures[figure.name]
        for _, _, old, new in changes:
            moved = figure.moved(old, new)
            if moved is None:
                continue
            before, after = moved
            if before[0] is not None:
                work.add(group_key(before[0]), -1, minus(before[1]))
            if after[0] is not None:
                work.add(group_key(after[0]), 1, after[1])
