"""The file `board` in a journal's folder, as memory that all processes share.

`Member` uses it. It has 1,024 slots; a process that has one holds a lock on the slot's byte, so
that the slot is free when the process has ended in any way. Each process writes only its own slot,
except the words of bells. Nothing here is a durable truth: the first process that comes makes the
whole file anew.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from mmap import PROT_READ, PROT_WRITE, mmap
from pathlib import Path
from typing import Final

from comity.engine.errors import JournalInUse
from comity.engine.files.disk import FULL
from comity.engine.files.own_folder import open_file
from comity.engine.formats import BOARD as FORMAT
from comity.engine.formats import too_new
from comity.engine.runtime.system import monotonic, pause
from comity.engine.sharing.byte_lock import is_taken, release_byte, take_byte
from comity.engine.sharing.layout import (
    FIRST_SLOT,
    HEAD_BYTES,
    NAME,
    NUMBERS,
    SIZE,
    SLOT,
    SLOTS,
    USED,
    WAITS,
    WANTS,
    filled,
    head,
    place,
    read_slot,
)
from comity.engine.sharing.sharer import Sharer

BOARD: Final = "board"

_JOINING: Final = SLOTS
"""The byte that a process locks while it joins."""
_PATIENCE: Final = 2.0


class BoardFile:
    """The board of a folder, open to write. Its memory can be used after `joining` was entered.

    Raises:
        OSError: it cannot be opened or made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home = _identity(folder.stat())
        self._path = folder / BOARD
        self._locks = open_file(self._path, os.O_RDWR | os.O_CREAT)
        try:
            # Memory keeps the file open that it was mapped from, also in a forked child. So locks
            # are taken on another one: they end with their process, whatever its children do.
            self._mapped = open_file(self._path, os.O_RDWR)
        except BaseException:
            os.close(self._locks)
            raise

    @contextmanager
    def joining(self) -> Generator[None]:
        """Prepare the file, and keep other processes from joining in the block.

        Raises:
            OSError: the file cannot be written.
            JournalInUse: another process joins and hangs, or one of another machine is here.
            TooNew: processes of another version of comity use another kind of board.
        """
        until = monotonic() + _PATIENCE
        while not take_byte(self._locks, _JOINING):
            if monotonic() > until:
                msg = f"another process has been opening {self._folder} for 2 s: end it"
                raise JournalInUse(msg)
            pause(0.002)
        try:
            self._make_or_check()
            self._map()
            yield
        finally:
            release_byte(self._locks, _JOINING)

    # --- slots ----------------------------------------------------------------------------------

    def take(self) -> int:
        """Lock a free slot, and clear it.

        Raises:
            JournalInUse: all slots are taken.
        """
        for slot in range(SLOTS):
            if take_byte(self._locks, slot):
                self._clear(slot)
                return slot
        msg = f"{SLOTS} processes have {self._folder} open already: close one of them"
        raise JournalInUse(msg)

    def fill(self, slot: int, said: bytes) -> None:
        """Say something in a slot of this process."""
        self.memory[place(slot)] = said
        self.memory[USED.start + slot] = 1

    def row(self, slot: int) -> memoryview[int]:
        """The numbers of a slot, in the order of `Number`."""
        return self._numbers[slot * NUMBERS : (slot + 1) * NUMBERS]

    def give_back(self, slot: int) -> None:
        """Clear a slot of this process, and unlock it."""
        self._clear(slot)
        release_byte(self._locks, slot)

    def _clear(self, slot: int) -> None:
        for flags in (USED, WANTS, WAITS):
            self.memory[flags.start + slot] = 0
        self.memory[place(slot)] = bytes(SLOT)

    # --- all slots ------------------------------------------------------------------------------

    def sharers(self, besides: int = -1) -> list[Sharer]:
        """The processes that have a slot and live, without the slot `besides`.

        A slot that is being cleared still has its lock, and says nothing.
        """
        taken = [
            read_slot(self.memory, slot)
            for slot in filled(self.memory)
            if slot != besides and is_taken(self._locks, slot)
        ]
        return [one for one in taken if one.pid]

    def sweep(self, own: int) -> None:
        """Clear the slots of processes that have ended."""
        for slot in filled(self.memory):
            if slot != own and take_byte(self._locks, slot):
                self.give_back(slot)

    # --- the file -------------------------------------------------------------------------------

    def is_replaced(self) -> bool:
        """Whether the folder is still here, and this file is not in it any more."""
        try:
            if _identity(self._folder.stat()) != self._home:
                return False
            return _identity(self._path.lstat()) != _identity(os.fstat(self._mapped))
        except FileNotFoundError:
            return self._folder.exists()
        except OSError:
            return False

    def close(self) -> None:
        """Close the file, and so unlock all that it has locked. The memory ends with its users."""
        os.close(self._locks)
        os.close(self._mapped)

    def _map(self) -> None:
        self.memory = mmap(self._mapped, SIZE, prot=PROT_READ | PROT_WRITE)
        view = memoryview(self.memory)
        self.wants = view[WANTS]
        self.waits = view[WAITS]
        self._numbers = view[FIRST_SLOT:].cast("Q")

    def _make_or_check(self) -> None:
        """Make the file anew if no living process uses it; else check that it is of this kind."""
        inhabited = is_taken(self._locks, 0, SLOTS)
        if os.fstat(self._mapped).st_size != SIZE:
            if not inhabited:
                os.ftruncate(self._mapped, 0)  # nobody has mapped it
            _reserve(self._mapped)
        if not inhabited:
            os.pwrite(self._mapped, head().ljust(SIZE, b"\0"), 0)
            return
        found = os.pread(self._mapped, HEAD_BYTES, 0)
        if not found.startswith(head()):
            _check_foreign(found, self._folder)
            os.pwrite(self._mapped, head(), 0)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _check_foreign(found: bytes, folder: Path) -> None:
    """Refuse the board of another kind or machine; garbage is replaced."""
    kind, _, machine = head().partition(b"\n")
    if found.startswith(kind) and machine:
        msg = (
            f"a process on another machine has {folder} open: close it there; processes share a "
            "journal on one machine only"
        )
        raise JournalInUse(msg)
    if found.startswith(NAME):
        number = found.removeprefix(NAME).partition(b"\n")[0].decode(errors="replace")[:9]
        what = f"processes have {folder} open, with a board of format {number}"
        raise too_new(what, f"format {FORMAT}")


def _reserve(descriptor: int) -> None:
    """Reserve the file's blocks: memory whose page has no room on the disk kills its process."""
    try:
        if hasattr(os, "posix_fallocate"):  # macOS has none
            os.posix_fallocate(descriptor, 0, SIZE)
            return
    except OSError as error:
        if error.errno in FULL:
            raise
    os.pwrite(descriptor, bytes(SIZE), 0)  # a file system that cannot reserve them
