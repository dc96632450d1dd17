"""Which data files this process has open, since it must not open one twice.

Closing any descriptor of lock.mdb drops the locks that LMDB has on it. So a second opening is
refused before it touches anything, and files are opened and closed one at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias

from comity.engine.lmdb.meaning import Meaning
from comity.engine.runtime.system import RLock

File: TypeAlias = tuple[int, int]
"""The device and inode of a data file."""

OPENING: Final = RLock()
"""Held while a file is opened or closed: one that is made meanwhile may get the inode of another.
Reentrant, because the garbage collector may close a forgotten snapshot meanwhile."""

_open: Final[set[File]] = set()
_left: Final[list[object]] = []


def file_in(directory: Path) -> File | None:
    """The data file in a directory, if it is there."""
    try:
        found = (directory / "data.mdb").lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def new_file(directory: Path, meaning: Meaning) -> File:
    """The data file in a directory, which this process does not have open.

    Raises:
        meaning.gone: there is none.
        meaning.in_use: it has.
    """
    file = file_in(directory)
    if file is None:
        raise meaning.gone(f"there is nothing at {directory}, or not any more: {meaning.find}")
    if file in _open:
        raise meaning.in_use(
            f"{directory} is open in this process already, or was where it was forked: use that "
            "one, and fork before opening"
        )
    return file


def opened(file: File) -> None:
    """It is open from now on."""
    _open.add(file)


def closed(file: File) -> None:
    """It is not any more."""
    _open.discard(file)


def leave_to_parent(it: object) -> None:
    """After a fork: keep what is the parent's for ever, since it must not end here."""
    _left.append(it)
