"""A small file beside a generation that is being built: how far it is, for other processes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgpack

from comity.engine.files.own_folder import open_file, read_file
from comity.engine.formats import grown

_FILE: Final = "build"
_MOST: Final = 200
"""The most bytes of a mark: three times the longest one."""
_FRESH: Final = 10_000_000
"""Microseconds after which a mark is out of date: its process has died, or hangs."""


class BuildMark(NamedTuple):
    """How far a build is. The tables may be behind, since a build holds changes in memory."""

    position: int
    end: int
    events_per_second: float | None
    microseconds: int
    """The time of the mark, in microseconds since 1970."""


def mark_build(generation: Path, mark: BuildMark) -> None:
    """Replace the mark, without flushing it. On a full disk nothing is written."""
    with suppress(OSError):
        file = open_file(generation / _FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        try:
            os.write(file, msgpack.packb(tuple(mark)))
        finally:
            os.close(file)


def unmark_build(generation: Path) -> None:
    """Remove the mark, because nobody builds the generation any more."""
    with suppress(OSError):
        (generation / _FILE).unlink()


def build_mark(generation: Path, now: int) -> BuildMark | None:
    """The mark; None if there is none, or if nobody builds the generation at the moment.

    Args:
        generation: the generation's folder.
        now: the time in microseconds since 1970.
    """
    with suppress(OSError, ValueError, TypeError, msgpack.UnpackException):
        mark = grown(BuildMark, msgpack.unpackb(read_file(generation / _FILE, _MOST)))
        if 0 <= now - mark.microseconds < _FRESH:
            return mark
    return None
