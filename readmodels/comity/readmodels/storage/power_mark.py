"""Recognises a power cut, after which tables that were not flushed must not even be opened.

A generation's mark says since which start of the system it is written, or that all of it is on the
disk. Killing the process harms nothing: what it wrote is in the system's cache. Opening what a
power cut has torn could end the process (39 of 716 replayed power cuts did).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from comity.engine.files.boot import boot
from comity.engine.files.disk import check_looked, disk_errors
from comity.engine.files.own_folder import read_file, write_file

_FILE: Final = "power"
_MOST: Final = 200
"""Bytes that a mark may have: some twice what the longest takes."""
_FLUSHED: Final = "flushed"


def is_sound(generation: Path) -> bool:
    """Whether no power cut has come between its writes.

    Raises:
        StorageFailed: that cannot be read now.
    """
    try:
        mark = _read(generation)
    except OSError as error:
        check_looked(error)
        return False
    if mark.startswith(_FLUSHED):
        return mark == _flushed(generation)
    return boot() != "" and mark == _open()


def mark_open(generation: Path) -> None:
    """Before the first write: from now on it is sound only until the power goes.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    with suppress(OSError):
        if _read(generation) == _open():
            return  # so a domain that was killed can be opened on a full disk
    _write(generation, _open())


def mark_flushed(generation: Path) -> None:
    """After the last flush: it is sound for good, unless somebody cuts it short.

    Raises:
        StorageFailed: it cannot be said; then it is sound until the power goes.
    """
    _write(generation, _flushed(generation))


def _flushed(generation: Path) -> str:
    """It says how large the tables are: a map of a file that was cut short ends the process."""
    try:
        return f"{_FLUSHED}, {(generation / 'data.mdb').lstat().st_size} bytes"
    except OSError:
        return ""


def _open() -> str:
    return f"open since {boot()}"


def _read(generation: Path) -> str:
    return read_file(generation / _FILE, _MOST).decode("ascii", errors="replace")


def _write(generation: Path, mark: str) -> None:
    """Write it so that it is there whole, or the one before.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    with disk_errors(f"{generation} cannot be marked"):
        write_file(generation / _FILE, mark.encode())
