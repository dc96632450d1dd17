"""Writes outputs into the copy, many in one commit. `Migration` uses it."""

from __future__ import annotations

import re
from typing import Final

from comity.engine import StorageFailed
from comity.engine.journal.journal import Journal
from comity.engine.journal.result import Stored
from comity.engine.journal.turn import Turn
from comity.evolution.copying.copy_failed import CopyFailed
from comity.evolution.copying.rewriting import Output

_COMMIT_RECORDS: Final = 2_000
_COMMIT_BYTES: Final = 4_000_000
"""A commit has about so many records, or bytes, at most: one flush is worth its time then."""
_TURN_RECORDS: Final = 8
_DERIVED: Final = re.compile(r".*~[0-9]+\Z", re.DOTALL)
"""The command ids that may be derived, see `id_of`."""


class Writing:
    """The outputs that are not stored yet."""

    def __init__(self, new: Journal) -> None:
        self._new = new
        self._run: list[Output] = []
        """The last outputs, all of one aggregate."""
        self._turns: list[Turn] = []
        self._ids: dict[str, str] = {}
        """The ids of the outputs that look derived, with those of their commands."""
        self._records = self._bytes = 0

    def add(self, outputs: list[Output]) -> None:
        """Add the outputs of one record; they are stored together.

        Raises:
            CopyFailed: an id that was derived for a second record is the id of another command.
            StorageFailed: the disk is full, or failed.
        """
        for output in outputs:
            self._check_id(output)
            if self._run and self._ends_before(output):
                self._end_turn()
            self._run.append(output)
        self._records += len(outputs)
        if self._records >= _COMMIT_RECORDS or self._bytes >= _COMMIT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Store everything that was added.

        Raises:
            StorageFailed, OutcomeUnknown: as `Journal.append`.
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
        self._turns, self._ids = [], {}
        self._records = self._bytes = 0

    def _ends_before(self, output: Output) -> bool:
        """Return whether the output begins another turn, in which each id is there once.

        An id may come again, long after journals have forgotten it: then the last one counts.
        """
        run, command_id = self._run, output.entry.command_id
        return (
            run[0].aggregate != output.aggregate
            or len(run) >= _TURN_RECORDS
            or any(one.entry.command_id == command_id for one in run)
        )

    def _end_turn(self) -> None:
        first = self._run[0]
        turn = Turn.of(first.aggregate, first.version, [output.entry for output in self._run])
        self._run = []
        self._turns.append(turn)
        self._bytes += len(turn.entries)

    def _check_id(self, output: Output) -> None:
        command_id, own = output.entry.command_id, output.source.command_id
        if not _DERIVED.match(command_id):
            return
        taken = self._ids.setdefault(command_id, own) != own
        if taken or self._new.find(command_id) is not None:
            raise CopyFailed(
                f"the id {command_id!r}, of command {own!r}, is in the copy "
                "already: another record has it, or it was derived for one; let the function give "
                "one record for that command"
            )
