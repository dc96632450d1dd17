"""The files of a lease: one for each epoch. `Lease` and `LeaseWatch` use them.

    writer.lock        a kernel lock, shared by all that lead or try to; a program that leads alone
                       (an older comity, or one that is open exclusively) holds it for itself
    writer.lock-7      the newest epoch: its kernel lock is held while its leader lives; it has a
                       beat that moves while its leader does not hang, and says who leads

An epoch's file gets its name when it is locked already, so no program ever sees it without its
leader. It stays when its leader ends, so that epochs grow. The next leader removes it, which tells
a leader that hung that it leads no more.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from comity.engine.files.own_folder import FRESH, fresh, names_in, open_file
from comity.engine.runtime.system import pause

MOST: Final = 10**15
"""No epoch is larger: after a thousand take-overs a second, it takes 30,000 years to get there."""
_NUMBER: Final = 8
_SAID: Final = 600
"""Bytes of the text that names a leader."""


class Epochs:
    """The files of the lease whose lock file is `path`. All methods raise `OSError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        name = re.escape(path.name)
        self._epoch = re.compile(rf"{name}-([1-9][0-9]{{0,15}})")
        self._begun = re.compile(rf"{name}-new-{FRESH}")

    def newest(self) -> int:
        """The newest epoch; 0 if there was none yet."""
        return max(self._all(), default=0)

    def file(self, epoch: int) -> Path:
        """The file of an epoch."""
        return self.path.with_name(f"{self.path.name}-{epoch}")

    def begin(self, epoch: int, said: str) -> int | None:
        """Make the file of an epoch and hold its lock; None if another program was first.

        Returns:
            Its descriptor. The lock is held until it is closed.
        """
        aside = self.path.with_name(f"{self.path.name}-new-{fresh()}")
        file = open_file(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(file, bytes(_NUMBER) + said.encode(errors="replace")[:_SAID], 0)
            os.link(aside, self.file(epoch))
            # A candidate that was slow may have taken the name of an epoch that is over.
            if self.newest() == epoch:
                return file
            self.file(epoch).unlink()
        except (BlockingIOError, FileExistsError, FileNotFoundError):
            pass  # `sweep` of another program looks at it or has removed it, or that one was first
        except BaseException:
            os.close(file)
            raise
        finally:
            with suppress(OSError):
                aside.unlink()
        os.close(file)
        return None

    def sweep(self, epoch: int) -> None:
        """Remove the files of earlier epochs, and what candidates have left that are dead."""
        with suppress(OSError):
            for old in self._all():
                if old < epoch:
                    with suppress(OSError):
                        self.file(old).unlink()
            for name in names_in(self.path.parent, self._begun):
                left = self.path.with_name(name)
                with suppress(OSError):
                    if not is_locked(left):
                        left.unlink()

    def _all(self) -> list[int]:
        return [int(name.rpartition("-")[2]) for name in names_in(self.path.parent, self._epoch)]


def share(path: Path) -> int | None:
    """Take the shared lock of a lock file; None if a program leads alone.

    Returns:
        The descriptor that holds it.
    """
    file = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        for patience in (0.001, 0.004, 0.016, 0.0):  # a program that only looks holds it for µs
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return file
            pause(patience)
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return None


def tell(file: int, said: str) -> None:
    """Write into the lock file who leads, for programs that lead alone."""
    with suppress(OSError):  # a full disk must not prevent leading
        os.ftruncate(file, 0)
        os.pwrite(file, f"{said}\n".encode(errors="replace"), 0)


def is_locked(path: Path) -> bool:
    """Whether a program holds the lock of an epoch's file, or leads alone by a lock file."""
    file = open_file(path, os.O_RDONLY)
    try:
        return _is_locked(file)
    finally:
        os.close(file)


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def beat(file: int, number: int) -> None:
    """Write a beat into an epoch's file."""
    os.pwrite(file, number.to_bytes(_NUMBER, "big"), 0)


class EpochFile:
    """The file of one epoch, kept open by a standby: a look at it takes 3 µs."""

    def __init__(self, path: Path) -> None:
        self._file = -1
        self._file = open_file(path, os.O_RDONLY)

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)

    def beat(self) -> bytes:
        """The beat of its leader."""
        return os.pread(self._file, _NUMBER, 0)

    def said(self) -> str:
        """The text that names its leader."""
        return os.pread(self._file, _SAID, _NUMBER).decode(errors="replace")

    def is_led(self) -> bool:
        """Whether its leader lives, and was not taken over."""
        return _is_locked(self._file) and os.fstat(self._file).st_nlink > 0
