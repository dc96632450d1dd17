"""Recognises a power cut, after which tables that were not flushed must not even be opened.

A generation's mark names the start of the system since which it is being written, or says that all
of it was flushed. Killing the process does no harm: its writes are in the system's cache. Opening
tables that a power cut has torn could end the process (39 of 716 replayed power cuts did).
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
"""The most bytes of a mark: about twice the longest one."""
_FLUSHED: Final = "flushed"


def is_sound(generation: Path) -> bool:
    """Whether no power cut can have torn the generation's tables.

    Raises:
        StorageFailed: the mark cannot be read now.
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
    """Mark a generation as being written; call it before the first write.

    From then on the generation is sound only until the next power cut.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    with suppress(OSError):
        if _read(generation) == _open():
            return  # without a write, so that a killed domain can be opened on a full disk
    _write(generation, _open())


def mark_flushed(generation: Path) -> None:
    """Mark a generation as flushed; call it after the last flush.

    From then on the generation is sound, unless its file is truncated.

    Raises:
        StorageFailed: the mark cannot be written; the generation is sound until a power cut.
    """
    _write(generation, _flushed(generation))


def _flushed(generation: Path) -> str:
    """A mark with the file's size: reading the map of a truncated file ends the process."""
    try:
        return f"{_FLUSHED}, {(generation / 'data.mdb').lstat().st_size} bytes"
    except OSError:
        return ""


def _open() -> str:
    return f"open since {boot()}"


def _read(generation: Path) -> str:
    return read_file(generation / _FILE, _MOST).decode("ascii", errors="replace")


def _write(generation: Path, mark: str) -> None:
    """Replace the mark atomically.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    with disk_errors(f"{generation} cannot be marked"):
        write_file(generation / _FILE, mark.encode())
