"""Files that are written as a whole or not at all, compressed or not. Exports use it."""

from __future__ import annotations

import fcntl
import gzip
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import IO, BinaryIO, Final, TypeAlias, cast

from comity.engine import WiringError
from comity.engine.arguments import check_path
from comity.engine.files.disk import disk_errors
from comity.engine.files.own_folder import flush_folder, look_at

File: TypeAlias = str | PathLike[str] | BinaryIO
"""A path, or an open binary file such as `sys.stdin.buffer`."""

_LEVEL: Final = 5
"""Compresses a journal nearly as much as the best level, in less time."""
_BUFFER: Final = 1 << 18


@contextmanager
def written(
    file: File, *, replace: bool = False, outside: Path | None = None
) -> Generator[IO[bytes]]:
    """Open a file for writing; it appears under its name when all of it is on the disk.

    Until then it has the name FILE.unfinished, and it is removed if the block fails. After a
    crash, the next call for the same file begins it anew. An open file is written as it is.

    Args:
        file: where to write; a name that ends with .gz is compressed.
        replace: a file of this name may be there, and is replaced.
        outside: a folder in which it must not be.

    Raises:
        WiringError: it is there already, or cannot be there.
        StorageFailed: the disk is full, or failed, or this user has no permission.
    """
    if not isinstance(file, str | PathLike):
        check_stream(file, "write")
        yield file
        file.flush()
        return
    path = check_path(file, "the file's path")
    _check_place(path, outside)
    found = look_at(path)
    if found is not None and stat.S_ISDIR(found.st_mode):
        msg = f"{path} is a directory: give the name of a file"
        raise WiringError(msg)
    if found is not None and not stat.S_ISREG(found.st_mode):  # a fifo, or /dev/stdout
        with path.open("wb") as stream:
            yield stream
        return
    if found is not None and not replace:
        msg = f"{path} exists: give another name, or say that it is to be replaced (--force)"
        raise WiringError(msg)
    with disk_errors(f"{path} cannot be written"), _aside(path) as stream:
        yield stream


def _check_place(path: Path, outside: Path | None) -> None:
    if outside is not None:
        real, folder = path.resolve(), outside.resolve()
        if real == folder or folder in real.parents:
            msg = f"{path} would be inside the journal {outside}: give a path outside of it"
            raise WiringError(msg)


@contextmanager
def _aside(path: Path) -> Generator[IO[bytes]]:
    aside = path.with_name(f"{path.name}.unfinished")
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(aside, flags, 0o600)
    stream = os.fdopen(descriptor, "wb", _BUFFER)
    try:
        _take(descriptor, aside)
        try:
            with _packed(stream, path) as packing:
                yield packing
            stream.flush()
            os.fsync(descriptor)
            aside.replace(path)
            flush_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                aside.unlink()
            raise
    finally:
        with suppress(OSError):  # what failed to be written is of no use
            stream.close()


def _take(descriptor: int, aside: Path) -> None:
    """Lock the file against other exports, and empty it: it may be a leftover of a crash."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        msg = f"another program is writing {aside}: wait for its end, or give another name"
        raise WiringError(msg) from None
    os.ftruncate(descriptor, 0)


@contextmanager
def _packed(stream: IO[bytes], path: Path) -> Generator[IO[bytes]]:
    if path.suffix != ".gz":
        yield stream
        return
    with gzip.GzipFile("", "wb", _LEVEL, stream, mtime=0) as packing:
        yield cast("IO[bytes]", packing)


def check_stream(file: object, method: str) -> None:
    """Refuse what is neither a path nor an open file.

    Raises:
        WiringError: it has no such method.
    """
    if not callable(getattr(file, method, None)):
        msg = f"expected a path or an open binary file, got {file!r:.100}"
        raise WiringError(msg)
