"""A turn with its place in an LMDB journal, as the layouts of commits read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from comity.engine.journal.record import Record
from comity.engine.journal.tip import Tip


class Located(NamedTuple):
    """The records of one turn, with their place. In commits of format 2 a turn has one record."""

    records: tuple[Record, ...]
    number: int
    """How many records of the journal come before the first one."""
    offset: int
    """The turn's offset in its commit, in bytes."""
    size: int
    """The turn's size in bytes."""
    crc: int
    before: Tip
    """The aggregate's tip before the turn."""
    lasting: int
    """How many lasting records come after the turn's last event."""
    gaps: tuple[int, ...] = ()
    """Which records of the turn were dropped, counted from 0; see `commit_thinned`."""

    @property
    def last_version(self) -> int:
        """The aggregate's version after the turn."""
        return self.records[-1].last_version

    @property
    def many(self) -> int:
        """How many records the turn was written with."""
        return len(self.records) + len(self.gaps)

    def numbered(self) -> Iterator[tuple[int, Record]]:
        """Give the records that are left, each with how many come before it in the journal."""
        left: Iterable[int] = range(self.number, self.number + self.many)
        if self.gaps:
            left = [each for each in left if each - self.number not in self.gaps]
        return zip(left, self.records, strict=True)

    def record(self, command_id: str) -> Record | None:
        """Return the record of this command id; None if it is not in the turn."""
        return next((one for one in self.records if one.command_id == command_id), None)

    @property
    def stays(self) -> bool:
        """Whether the turn moves the aggregate's tip: it has an event or a lasting record."""
        return self.lasting > 0 or self.last_version > self.before.version


class Frame(NamedTuple):
    """The part of a turn that leads to the turn before, read without checking it."""

    size: int
    """The turn's size in bytes."""
    version: int
    """The aggregate's version after the turn."""
    before: Tip
    """The aggregate's tip before the turn."""
    lasting: int
    """How many lasting records come after the turn's last event."""
