"""A changed row, as projections tell watches of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from comity.readmodels.tables.row import Row


class RowChange(NamedTuple):
    """A changed row: its key, and its state before and after; None if there was or is no row."""

    table: str
    key: bytes
    old: Row | None
    new: Row | None
