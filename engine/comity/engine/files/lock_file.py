"""A file that processes lock with flock, and whose text says who. `WriterLock` and `SharedLock` use
it.

LMDB's own locks are lost when any code in the process opens and closes lock.mdb. An flock on
another file is not. It ends with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from comity.engine.errors import StorageFailed
from comity.engine.files.own_folder import open_file
from comity.engine.runtime.system import monotonic, now, pause

ALONE: Final = fcntl.LOCK_EX
TOGETHER: Final = fcntl.LOCK_SH

_TRIES: Final = (0.0, 0.001, 0.004, 0.016)
"""Seconds before each try: a reader that tests the lock has it for a few microseconds."""
_HOLDER: Final = re.compile(
    r"process ([0-9]{1,9}) \(.{1,500}\) on .{1,300} since [-0-9]+ [:0-9]+ UTC"
)
"""The text that a holder writes. Any program may have written something else into the file."""


class For(StrEnum):
    """For how long a process has a lock alone; its text says so before the process's name."""

    OPENING = "opening: "
    """While it checks and opens the files: others wait until it shares the lock."""
    CLOSING = "closing: "
    """While it closes them."""
    SHARING = "sharing: "
    """It has the lock together with others, or is about to: it has it alone for a moment only."""
    GOOD = ""
    """Until it ends: nobody waits."""


_PATIENCE: Final = {For.OPENING: 600.0, For.CLOSING: 2.0, For.SHARING: 0.0, For.GOOD: 0.0}
"""Seconds that others wait: a check of all pages takes 4 to 6 s per GB."""
TO_SHARE: Final = {**_PATIENCE, For.SHARING: 2.0, For.GOOD: 0.2}
"""Seconds that a process waits which wants to share. What it reads may be the text of the process
before: the new one writes its own once it has the lock, and a busy machine may stop it there."""
_LOOK: Final = 0.01
"""Seconds between two tries of a process that waits."""


class LockFile:
    """An open lock file. Its lock is not held yet.

    Raises:
        StorageFailed: the file cannot be opened.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        try:
            self._fd = open_file(path / name, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StorageFailed(f"{path} cannot be locked: {error}") from error

    def take(self, how: int) -> bool:
        """Take the lock `ALONE` or `TOGETHER`, or change it; False: others have it, or one alone.

        If changing it fails, it is not held any more.

        Raises:
            StorageFailed: the file system has no locks.
        """
        try:
            fcntl.flock(self._fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            self.close()
            raise StorageFailed(
                f"{self._path} cannot be locked: {error}; move it to a local disk, which has locks"
            ) from error
        return True

    def take_patiently(
        self, take: Callable[[], bool], patience: Mapping[For, float] = _PATIENCE
    ) -> bool:
        """Call `take` until it returns True; give up if the lock is taken for good."""
        for seconds in _TRIES:
            pause(seconds)
            if take():
                return True
        why, since = self._read()[0], monotonic()
        while monotonic() - since < patience[why]:
            pause(_LOOK)
            if take():
                return True
            if (now_why := self._read()[0]) is not why:
                why, since = now_why, monotonic()
        return False

    def say(self, why: For = For.GOOD) -> None:
        """Write who has the lock, and for how long."""
        with suppress(OSError):  # a full disk must not prevent opening
            said = f"{why}{_this_program()}\n".encode(errors="replace")
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, said, 0)

    def holder(self) -> str:
        """Return who has the lock, alone or together with others: the last one that wrote so."""
        return self._read()[1]

    def let_go(self) -> None:
        """Release the lock, and keep the file open."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def release(self) -> None:
        """Release the lock, even if a forked child has inherited it. Twice is harmless."""
        if self._fd >= 0:
            self.let_go()
            self.close()

    def close(self) -> None:
        """Close the file; a forked child leaves the lock to its parent by this."""
        descriptor, self._fd = self._fd, -1
        if descriptor >= 0:
            os.close(descriptor)  # LOCK_UN would take it from the parent as well

    def _read(self) -> tuple[For, str]:
        try:
            said = os.pread(self._fd, 1_000, 0).decode(errors="replace").strip()
        except OSError:
            said = ""
        why = next(each for each in For if said.startswith(each))
        holder = said.removeprefix(why)
        sound = _HOLDER.fullmatch(holder) if holder.isprintable() else None
        if sound is None:  # perhaps a process has just taken the lock, and has not written yet
            return For.SHARING, "another program"
        ended = why is For.GOOD and not _is_alive(int(sound[1]))
        return (For.SHARING if ended else why), holder


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


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:  # it is another user's
        return True
    except OSError:
        return False
    return True


def _this_program() -> str:
    program = repr(" ".join(sys.argv) or "python")[:200]  # cut after repr, which makes it longer
    since = datetime.fromtimestamp(now() // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} ({program}) on {platform.node()} since {since}"
