"""The lock of the only writer of a journal or a read model: an flock on a file of its own.

LMDB's own locks are not enough: they let two writers take turns, and they are lost when any code in
the process opens and closes lock.mdb. An flock on another file is not.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from comity.engine.errors import ComityError, JournalInUse, StorageFailed
from comity.engine.files.own_folder import open_file
from comity.engine.runtime.system import now, pause

JOURNAL_LOCK: Final = "journal.lock"

_HOLDER: Final = re.compile(r"process [0-9]+ \(.{1,500}\) on .{1,300} since [-0-9]+ [:0-9]+ UTC")
"""The text that a holder writes. Any program may have written something else into the file."""


class WriterLock:
    """Held from its creation until `release`, or until the process ends in any way."""

    def __init__(
        self,
        path: Path,
        name: str = JOURNAL_LOCK,
        in_use: type[ComityError] = JournalInUse,
        otherwise: str = "read it here with ReadModels.open or the comity command",
    ) -> None:
        """Take the lock for the journal or model in the directory `path`.

        Raises:
            JournalInUse: or the error `in_use`: another program has the lock. The text names that
            program, and advises to close it there, or the alternative `otherwise`.
            StorageFailed: the lock file cannot be opened.
        """
        try:
            self._fd = open_file(path / name, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StorageFailed(f"{path} cannot be locked: {error}") from error
        try:
            _take(self._fd)
        except BlockingIOError:
            holder = _read_holder(self._fd)
            os.close(self._fd)
            msg = f"{path} is open for writing in {holder}: close it there, or {otherwise}"
            raise in_use(msg) from None
        except OSError as error:
            os.close(self._fd)
            raise StorageFailed(
                f"{path} cannot be locked: {error}; move it to a local disk, which has locks"
            ) from error
        with suppress(OSError):  # a full disk must not prevent opening
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, _holder().encode(errors="replace"), 0)

    def release(self) -> None:
        """Release the lock, even if a forked child has inherited it. Twice is harmless."""
        descriptor, self._fd = self._fd, -1
        if descriptor >= 0:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def abandon(self) -> None:
        """In the child after a fork: close the file, and leave the lock to the parent."""
        os.close(self._fd)  # LOCK_UN would take it from the parent as well


def is_held(lock: Path) -> bool:
    """Return whether a process holds this lock file, alone or together with others."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        for patience in (0.0005, 0.002, 0.0):  # another process may look at the same moment
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return False
            pause(patience)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _read_holder(descriptor: int) -> str:
    try:
        said = os.pread(descriptor, 1_000, 0).decode(errors="replace").strip()
    except OSError:
        said = ""
    return said if said.isprintable() and _HOLDER.fullmatch(said) else "another program"


def _take(descriptor: int) -> None:
    # A reader that tests the lock holds it for a few microseconds; see `check_file`.
    for patience in (0.001, 0.004, 0.016):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        pause(patience)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder() -> str:
    program = repr(" ".join(sys.argv) or "python")[:200]  # cut after repr, which makes it longer
    since = datetime.fromtimestamp(now() // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} ({program}) on {platform.node()} since {since}\n"
