"""The lock of the only writer of a journal or a read model: an flock on a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from comity.engine.errors import ComityError, JournalInUse
from comity.engine.files.lock_file import ALONE, LockFile, is_held

__all__ = ["JOURNAL_LOCK", "WriterLock", "is_held"]

JOURNAL_LOCK: Final = "journal.lock"


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
        file = LockFile(path, name)
        if not file.take_patiently(lambda: file.take(ALONE)):
            holder = file.holder()
            file.close()
            raise in_use(f"{path} is open for writing in {holder}: close it there, or {otherwise}")
        file.say()
        self._file = file

    def release(self) -> None:
        """Release the lock, even if a forked child has inherited it. Twice is harmless."""
        self._file.release()

    def abandon(self) -> None:
        """In the child after a fork: close the file, and leave the lock to the parent."""
        self._file.close()
