"""A tip: where an aggregate's newest record is."""

from __future__ import annotations

from typing import Final, NamedTuple


class Tip(NamedTuple):
    """The place of an aggregate's newest record at some time."""

    version: int
    """The aggregate's version after the record."""
    commit: int
    """The number of the record's commit; 0 if there is no record."""
    offset: int
    """The offset of the record, or of its turn, in that commit, in bytes."""


NO_TIP: Final = Tip(0, 0, 0)
