"""Writes outputs into the copy, many in one commit. `Migration` uses it."""

from __future__ import annotations

import re
from typing import Final

from comity.engine.journal.journal import Journal
from comity.evolution.copying.copy_failed import CopyFailed
from comity.evolution.copying.rewriting import Output
from comity.evolution.copying.turns import Placed, Turns

_DERIVED: Final = re.compile(r".*~[0-9]+\Z", re.DOTALL)
"""The command ids that may be derived, see `id_of`."""


class Writing:
    """The outputs that are not stored yet."""

    def __init__(self, new: Journal) -> None:
        self._new = new
        self._turns = Turns(new)
        self._ids: dict[str, str] = {}
        """The ids of the outputs that look derived, with those of their commands."""

    def add(self, outputs: list[Output]) -> None:
        """Add the outputs of one record; they are stored together.

        Raises:
            CopyFailed: an id that was derived for a second record is the id of another command.
            StorageFailed: the disk is full, or failed.
        """
        for output in outputs:
            self._check_id(output)
            self._turns.add(Placed(output.aggregate, output.version, output.entry))
        if self._turns.is_due:
            self.flush()

    def flush(self) -> None:
        """Store everything that was added.

        Raises:
            StorageFailed, OutcomeUnknown: as `Journal.append`.
        """
        self._turns.flush()
        self._ids = {}

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
