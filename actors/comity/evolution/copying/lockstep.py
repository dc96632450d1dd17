"""Compares what a pass gives with what the copy has, record by record.

Resuming and verifying use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from comity.engine.journal.entry import Entry
from comity.engine.journal.journal import Journal
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.record import Record
from comity.engine.text import printable
from comity.evolution.copying.copy_failed import CopyFailed
from comity.evolution.copying.rewriting import Output

_WHY: Final = (
    "either the function gives something else each time (then let it depend on nothing but the "
    "record; if it remembers earlier records, write it as a class, of which each pass makes a new "
    "object), or the function, comity or the original has changed since the copy was begun (then "
    "delete the copy's folder, or give a path where nothing is, and begin anew)"
)


class Lockstep:
    """A place in the copy that goes on with each record that is the same."""

    def __init__(self, new: Journal) -> None:
        self._new = new
        self._rest: Iterator[Numbered] = iter(())
        self.number = 0
        """The number of the last record of the copy that was compared."""
        self.records = 0

    def has(self, output: Output) -> bool:
        """Return whether the copy has the output as its next record; False at the copy's end.

        Raises:
            CopyFailed: the copy has another record there.
        """
        found = self.next()
        if found is None:
            return False
        if not _is_same(output, found):
            raise CopyFailed(_difference(output, found))
        return True

    def next(self) -> Record | None:
        """Return the next record of the copy; None at its end."""
        found = next(self._rest, None)
        if found is None:
            self._rest = self._new.read_every(self.number)
            found = next(self._rest, None)
        if found is None:
            return None
        self.number = found.number
        self.records += 1
        return found.record


def _is_same(output: Output, record: Record) -> bool:
    entry, version, aggregate = output.entry, output.version, output.aggregate
    if (aggregate, version) != (record.aggregate, record.version):
        return False
    if entry.events == record.events and entry.note == record.note:  # most notes hold no list
        return (entry.command_id, entry.time, entry.lasting) == (
            record.command_id, record.time, record.lasting,
        )  # fmt: skip
    return entry.pack() == _entry(record).pack()


def _entry(record: Record) -> Entry:
    return Entry(record.command_id, record.events, record.time, record.note, lasting=record.lasting)


def _difference(output: Output, record: Record) -> str:
    wanted = _told(output.entry, str(output.aggregate), output.version)
    found = _told(_entry(record), str(record.aggregate), record.version)
    if wanted == found:
        found = "the same with other fields"
    return f"the copy differs: expected {wanted}; it has {found}; {_WHY}"


def _told(entry: Entry, aggregate: str, version: int) -> str:
    names = ", ".join([printable(event.name) for event in entry.events[:5]]) or "no events"
    return f"command {entry.command_id!r} of {printable(aggregate)} at version {version} ({names})"
