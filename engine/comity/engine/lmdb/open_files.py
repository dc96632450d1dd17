"""The data files that this process has open: it must not open a file twice.

Closing any descriptor of lock.mdb drops LMDB's locks on that file. So a second opening is refused
before it touches any file, and files are opened and closed one at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias

from comity.engine.lmdb.meaning import Meaning
from comity.engine.runtime.system import RLock

File: TypeAlias = tuple[int, int]
"""The device and inode of a data file."""

OPENING: Final = RLock()
"""Held while a file is opened or closed, because a new file may get the inode of a deleted one.
Reentrant, because the garbage collector may close a forgotten snapshot meanwhile."""

_open: Final[set[File]] = set()
_left: Final[list[object]] = []


def file_in(directory: Path, name: str = "data.mdb") -> File | None:
    """Return the data file in a directory, or the file with this name; None if there is none."""
    try:
        found = (directory / name).lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def new_file(directory: Path, meaning: Meaning) -> File:
    """Return the data file in a directory; this process must not have it open.

    Raises:
        meaning.gone: there is no data file.
        meaning.in_use: this process has it open.
    """
    file = file_in(directory)
    if file is None:
        raise meaning.gone(f"there is nothing at {directory}, or not any more: {meaning.find}")
    if file in _open:
        raise meaning.in_use(
            f"{directory} is open in this process already, or was open in its parent when this "
            "process was forked: use the one that is open here, or open it only after the fork"
        )
    return file


def opened(file: File) -> None:
    """Note that a file was opened."""
    _open.add(file)


def closed(file: File) -> None:
    """Note that a file was closed."""
    _open.discard(file)


def leave_to_parent(it: object) -> None:
    """Keep an object of the parent for ever, in a forked child: it must not be closed here."""
    _left.append(it)
