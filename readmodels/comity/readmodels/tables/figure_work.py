"""Collects a batch's changes to one figure. Workspaces use it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from comity.readmodels.tables.figure import AnyFigure, Figure, plus

if TYPE_CHECKING:
    from comity.engine.lmdb.span import Entry
    from comity.readmodels.storage.writing import Writing

CACHED: Final = 20_000
"""The most groups that are cached between batches."""


class FigureWork:
    """A batch's changes to one figure."""

    def __init__(self, figure: AnyFigure) -> None:
        self._stored_as = figure.stored_as
        self._known: dict[bytes, Figure] = {}
        self._added: dict[bytes, tuple[int, int | Decimal]] = {}

    def begin(self, writing: Writing) -> None:
        """Use this transaction from now on."""
        self._writing = writing
        self._handle = writing.handles[self._stored_as]
        if len(self._known) > CACHED:
            self._known.clear()

    @property
    def waiting(self) -> int:
        """How many groups have changed since the last flush."""
        return len(self._added)

    def add(self, group: bytes, members: int, number: int | Decimal) -> None:
        """Add to a group's number of members and to its number."""
        old = self._added.get(group)
        self._added[group] = (old[0] + members, plus(old[1], number)) if old else (members, number)

    def flush(self) -> None:
        """Write the changed figures."""
        added, self._added = self._added, {}
        puts: list[Entry] = []
        for group, (members, number) in added.items():
            old = self._known.get(group)
            if old is None:
                old = Figure.unpack(self._writing.get(self._handle, group))
            new = self._known[group] = old.plus(members, number)
            if new.is_nothing:
                self._writing.delete(self._handle, group)
            else:
                puts.append((group, new.pack()))
        self._writing.put_all(self._handle, sorted(puts))

    def forget(self) -> None:
        """Begin again from what is stored."""
        self._known.clear()
        self._added.clear()
