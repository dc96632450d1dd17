"""Kernel locks on single bytes of an open file; they end with their process, however it ends.

`BoardFile` uses them. Linux has locks that belong to the open file (OFD). Elsewhere they belong to
the process, which loses them when it closes any descriptor of the file.
"""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

_LOCK: Final = struct.Struct("@hhqqi4x")  # struct flock of 64-bit Linux
_SET: Final[int | None] = getattr(fcntl, "F_OFD_SETLK", None)
_GET: Final[int] = getattr(fcntl, "F_OFD_GETLK", 0)


def take_byte(descriptor: int, byte: int) -> bool:
    """Lock a byte of a file that is open for writing; return False if another one has the lock."""
    try:
        if _SET is None:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        else:
            fcntl.fcntl(descriptor, _SET, _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0))
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES: another one has it
        return False
    return True


def release_byte(descriptor: int, byte: int) -> None:
    """Unlock a byte."""
    if _SET is None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, byte)
    else:
        fcntl.fcntl(descriptor, _SET, _LOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, byte, 1, 0))


def is_taken(descriptor: int, byte: int, many: int = 1) -> bool:
    """Whether another one has locked any of these bytes. The file may be open only to read."""
    if _SET is None:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, many, byte)
        except (BlockingIOError, PermissionError):
            return True
        fcntl.lockf(descriptor, fcntl.LOCK_UN, many, byte)
        return False
    asked = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, byte, many, 0)
    found: int = _LOCK.unpack(fcntl.fcntl(descriptor, _GET, asked))[0]
    return found != fcntl.F_UNLCK
