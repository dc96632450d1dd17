"""The board of a journal: which processes have it open, what they do, and how they wake each other.

A shared `LmdbJournal` joins it; the command line looks at it.
"""

from __future__ import annotations

import os
from pathlib import Path

from comity.engine.files.own_folder import open_file
from comity.engine.sharing.board_file import BOARD
from comity.engine.sharing.byte_lock import is_taken
from comity.engine.sharing.entering import this_program
from comity.engine.sharing.layout import SIZE, SLOTS, filled, read_slot
from comity.engine.sharing.member import Member
from comity.engine.sharing.sharer import Sharer


class Board:
    """The file `board` in a journal's folder. It is no durable truth, and may be deleted."""

    @staticmethod
    def join(path: Path, program: str | None = None) -> Member:
        """Take a slot for this process; it is free again when the process leaves or ends.

        Args:
            path: the journal's folder.
            program: what other processes call this one; by default its command line.

        Raises:
            JournalInUse: a process of another pid namespace or machine has the journal open, or
                all slots are taken.
            TooNew: processes of another version of comity have it open.
            StorageFailed: the board cannot be made or written.
        """
        return Member(path, this_program() if program is None else program)

    @staticmethod
    def look(path: Path) -> list[Sharer]:
        """List the processes that have the journal of this folder open to write, without joining.

        The list is empty if there is no board, or if this user may not read it.
        """
        try:
            descriptor = open_file(path / BOARD, os.O_RDONLY)
        except OSError:
            return []
        try:
            board = os.pread(descriptor, SIZE, 0)
            if len(board) < SIZE or not is_taken(descriptor, 0, SLOTS):
                return []
            return [read_slot(board, slot) for slot in filled(board) if is_taken(descriptor, slot)]
        except OSError:
            return []
        finally:
            os.close(descriptor)
