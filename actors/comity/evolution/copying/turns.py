"""Stores entries in a journal, many in one commit. Copies and imports use it."""

from __future__ import annotations

from typing import Final, NamedTuple

from comity.engine import StorageFailed
from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.entry import Entry
from comity.engine.journal.journal import Journal
from comity.engine.journal.result import Stored
from comity.engine.journal.turn import Turn
from comity.evolution.copying.copy_failed import CopyFailed

_COMMIT_RECORDS: Final = 2_000
_COMMIT_BYTES: Final = 4_000_000
"""A commit has about so many records, or bytes, at most: one flush is worth its time then."""
_TURN_RECORDS: Final = 8


class Placed(NamedTuple):
    """An entry with its place in the copy."""

    aggregate: AggregateId
    version: int
    """The aggregate's version before the entry."""
    entry: Entry


class Turns:
    """The entries that are not stored yet."""

    def __init__(self, new: Journal) -> None:
        self._new = new
        self._run: list[Placed] = []
        """The last entries, all of one aggregate."""
        self._turns: list[Turn] = []
        self._records = self._bytes = 0

    def add(self, placed: Placed) -> None:
        """Add an entry, which follows those before."""
        if self._run and self._ends_before(placed):
            self._end_turn()
        self._run.append(placed)
        self._records += 1

    @property
    def is_due(self) -> bool:
        """Whether it is time to store them."""
        return self._records >= _COMMIT_RECORDS or self._bytes >= _COMMIT_BYTES

    def flush(self) -> None:
        """Store everything that was added.

        Raises:
            StorageFailed, OutcomeUnknown: as `Journal.append`.
            CopyFailed: an entry does not follow what the journal has.
        """
        if self._run:
            self._end_turn()
        if not self._turns:
            return
        try:
            results = self._new.append(self._turns)
        except StorageFailed as error:
            raise type(error)(
                f"{error}; the copy is not complete: run the same command again, which goes on"
            ) from error
        for turn, result in zip(self._turns, results, strict=True):
            if not isinstance(result, Stored):
                raise CopyFailed(f"the copy did not take a turn of {turn.aggregate}: {result!r}")
        self._turns = []
        self._records = self._bytes = 0

    def _ends_before(self, placed: Placed) -> bool:
        """Return whether the entry begins another turn, in which each id is there once.

        An id may come again, long after journals have forgotten it: then the last one counts.
        """
        run, command_id = self._run, placed.entry.command_id
        return (
            run[0].aggregate != placed.aggregate
            or len(run) >= _TURN_RECORDS
            or any(one.entry.command_id == command_id for one in run)
        )

    def _end_turn(self) -> None:
        first = self._run[0]
        turn = Turn.of(first.aggregate, first.version, [each.entry for each in self._run])
        self._run = []
        self._turns.append(turn)
        self._bytes += len(turn.entries)
