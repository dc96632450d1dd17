"""The lock of a journal that several processes write: all of them hold it together.

A process that writes alone, also one of an older comity, has the lock of the same file for itself
(`WriterLock`). So either several processes share a journal, or one has it.
"""

from __future__ import annotations

from pathlib import Path

from comity.engine.errors import JournalInUse
from comity.engine.files.lock_file import ALONE, TO_SHARE, TOGETHER, For, LockFile
from comity.engine.files.writer_lock import JOURNAL_LOCK
from comity.engine.runtime.system import pause

_TRIES = (0.0, 0.001, 0.004)
"""Seconds before each try to be alone: a reader that tests the lock is not another writer."""


class SharedLock:
    """Held from its creation until `release`, or until the process ends in any way.

    The first process has it alone until it calls `share`: meanwhile it checks the files, and the
    others wait. The last one has it alone once it has called `is_last`.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock of the journal in the directory `path`.

        Raises:
            JournalInUse: a program has the journal open for itself.
            StorageFailed: the lock file cannot be opened.
        """
        self._path = path
        self._file = LockFile(path, JOURNAL_LOCK)
        self.alone = self._is_alone()
        """Whether no other process has it yet; the files must be checked."""
        if not self.alone and not self._file.take_patiently(self._take, TO_SHARE):
            raise self._refused()
        self._file.say(For.OPENING if self.alone else For.SHARING)

    def let_go(self) -> None:
        """Release it for a moment; `again` takes it again."""
        self._file.let_go()

    def again(self) -> None:
        """Take it again: `alone`, if no other process has it any more.

        Raises:
            JournalInUse: a program has taken the journal for itself meanwhile.
        """
        if not self._file.take_patiently(self._take, TO_SHARE):
            raise self._refused()
        if self.alone:
            self._file.say(For.OPENING)

    def share(self) -> None:
        """Let others write, too. Call it once the files are checked and open.

        Raises:
            JournalInUse: a program has taken the journal for itself at this moment.
        """
        self._file.say(For.SHARING)
        if self.alone and not self._file.take_patiently(self._take_together, TO_SHARE):
            raise self._refused()
        self.alone = False

    def is_last(self) -> bool:
        """Stop sharing the lock, and try to have it alone; True: no other process has it.

        Write nothing after False.
        """
        self.alone = self._is_alone()
        if self.alone:
            self._file.say(For.CLOSING)
        return self.alone

    def release(self) -> None:
        """Release the lock, even if a forked child has inherited it. Twice is harmless."""
        self._file.release()

    def abandon(self) -> None:
        """In the child after a fork: close the file, and leave the lock to the parent."""
        self._file.close()

    def _is_alone(self) -> bool:
        for seconds in _TRIES:
            pause(seconds)
            if self._file.take(ALONE):
                return True
        return False

    def _take(self) -> bool:
        self.alone = self._file.take(ALONE)
        return self.alone or self._file.take(TOGETHER)

    def _take_together(self) -> bool:
        return self._file.take(TOGETHER)

    def _refused(self) -> JournalInUse:
        holder = self._file.holder()
        self._file.close()
        return JournalInUse(
            f"{self._path} is open in {holder}, which does not share it (exclusive=True, or an "
            "older comity): close it there, or read it here with ReadModels.open or the comity "
            "command"
        )
