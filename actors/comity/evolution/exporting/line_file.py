"""Files of lines: read with limits, compressed or not. Imports use it."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import BufferedReader
from os import PathLike
from pathlib import Path
from typing import IO, Final, cast

from comity.engine import Invalid
from comity.engine.arguments import check_path
from comity.engine.files.disk import disk_errors
from comity.evolution.exporting.transfer_errors import ExportDamaged, ImportFailed, NotAnExport
from comity.evolution.exporting.whole_file import File, check_stream

LONGEST: Final = 1 << 29
"""The most bytes of a line: 512 MiB."""
_GZIP: Final = b"\x1f\x8b"
_BUFFER: Final = 1 << 18


class Lines:
    """The lines of a file, each with its end; errors name the file and the line."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self.name = name
        self.number = 0
        """The number of the last line that was read, from 1."""

    def __str__(self) -> str:
        return f"{self.name}, line {self.number}"

    def __iter__(self) -> Iterator[bytes]:
        while line := self.next():
            yield line

    def next(self) -> bytes:
        """Return the next line; nothing at the end of the file.

        Raises:
            NotAnExport: the line is too long.
            ExportDamaged: the file is compressed, and ends too early or is damaged.
            StorageFailed: the file cannot be read.
        """
        self.number += 1
        try:
            line = self._stream.readline(LONGEST + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ExportDamaged(f"{self}: what is compressed is damaged: {error}") from None
        except OSError as error:
            with disk_errors(f"{self.name} cannot be read"):
                raise error from None
        if len(line) > LONGEST:
            raise NotAnExport(f"{self} has more than {LONGEST:,} bytes: this is another file")
        return line

    @contextmanager
    def named(self) -> Generator[None]:
        """Name the line in errors of the block.

        Raises:
            ImportFailed: the block says that the line cannot be imported.
        """
        try:
            yield
        except (Invalid, ImportFailed) as error:
            raise ImportFailed(f"{self}: {error}") from error


@contextmanager
def read(file: File) -> Generator[Lines]:
    """Open a file for reading; what is compressed by gzip is uncompressed.

    Raises:
        WiringError: it is neither a path nor an open file.
        NotAnExport: it is a directory, or is not there.
        StorageFailed: it cannot be read.
    """
    if not isinstance(file, str | PathLike):
        check_stream(file, "readline")
        yield Lines(_unpacked(file), name_of(file))
        return
    path = check_path(file, "the file's path")
    try:
        stream = path.open("rb", _BUFFER)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NotAnExport(f"{path} is no file: {error.strerror}; give the name of one") from None
    except OSError as error:
        with disk_errors(f"{path} cannot be read"):
            raise error from None
    with stream:
        yield Lines(_unpacked(stream), name_of(path))


def name_of(file: File) -> str:
    """Return how errors name a file."""
    if isinstance(file, str | PathLike):
        return os.fspath(file)
    return "stdin" if file is sys.stdin.buffer else str(getattr(file, "name", "the file"))


def is_read_twice(file: File) -> bool:
    """Return whether the file can be read from its beginning again: not so a pipe."""
    return isinstance(file, str | PathLike) and Path(file).is_file()


def _unpacked(stream: IO[bytes]) -> IO[bytes]:
    if _begins(stream) != _GZIP:
        return stream
    return cast("IO[bytes]", gzip.GzipFile("", "rb", fileobj=stream))


def _begins(stream: IO[bytes]) -> bytes:
    """The first two bytes, which are read again afterwards; empty if they could not be."""
    if isinstance(stream, BufferedReader):
        return stream.peek(2)[:2]
    if not stream.seekable():
        return b""
    start = stream.tell()
    first = stream.read(2)
    stream.seek(start)
    return first
