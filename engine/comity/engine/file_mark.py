"""What a data file looked like when comity last wrote it, and its newest commit: in a file beside.

It answers two questions when the file is opened the next time.

*Has anybody else written it?* Where inode, size and times are still those that are noted, nobody
has, and nothing needs to be checked; so a journal of any size opens in a millisecond, also after
kill -9. Where a commit was being written when its process ended, they may be as of that commit,
for 20 ms after it began. Anything else, such as a copy, is looked at page by page.

*Is the newest commit still there?* LMDB goes back to the state before it, and says nothing, where
the page that names the newest state is damaged. The mark is written after each commit's flush and
not flushed itself, so it is never ahead of the journal.

Writing it takes 5 µs a commit. A mark that is missing or garbage says nothing, and is no error.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import sleep
from typing import Final, NamedTuple
from zlib import crc32

from comity.engine.boot import boot
from comity.engine.errors import JournalDamaged
from comity.engine.own_folder import open_file
from comity.engine.seal import CRC_BYTES, seal, unseal

MARK: Final = "mark"
_KEY: Final = b"comity mark 1"
_FIELDS: Final = struct.Struct(">QIIQQQQ")
_SIZE: Final = _FIELDS.size + CRC_BYTES
_BEGUN: Final = b"+"
_DONE: Final = b"."
_GRACE: Final = 20_000_000
"""Nanoseconds from a commit's beginning in which the file may have changed."""
_TICKS: Final = 25
_CLOSED: Final = 0
"""Stands for the start of the system in a mark that is good after any."""
_UNKNOWN: Final = 1
"""And where the system does not tell its starts apart."""


class Look(NamedTuple):
    """What the system says of a data file. Devices are left out: they may change at each start."""

    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def at(cls, directory: Path) -> Look:
        """The data file in this directory, now."""
        return cls.of((directory / "data.mdb").stat())

    @classmethod
    def of(cls, found: os.stat_result) -> Look:
        """What the system has said."""
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class Mark(NamedTuple):
    """A mark as it was found."""

    number: int
    """The newest commit."""
    crc: int
    """The CRC of its head."""
    boot: int
    look: Look
    begun: int
    """When a commit began that has not been noted, in nanoseconds since 1970; 0 for none."""

    @classmethod
    def read(cls, directory: Path) -> Mark | None:
        """The mark in this directory; None where there is none that says anything."""
        try:
            file = open_file(directory / MARK, os.O_RDONLY)
            try:
                data, written = os.read(file, _SIZE + 1), os.fstat(file).st_mtime_ns
            finally:
                os.close(file)
            fields = _FIELDS.unpack(unseal(_KEY, data[:_SIZE], "a mark"))
        except (OSError, JournalDamaged, struct.error):
            return None
        number, crc, when, *look = fields
        return cls(number, crc, when, Look(*look), written if data[_SIZE:] == _BEGUN else 0)

    def knows(self, look: Look) -> bool:
        """Whether nobody but comity has written what looks like this."""
        if self.boot != _CLOSED and not _UNKNOWN != self.boot == _this_boot():
            return False
        if look == self.look:
            return True
        same = look.inode == self.look.inode and look.size >= self.look.size
        return same and self.begun <= look.changed <= self.begun + _GRACE


class FileMark:
    """The mark in a directory, held open by who writes there. It never raises: it is a courtesy."""

    def __init__(self, directory: Path) -> None:
        self._data = self._file = -1
        with suppress(OSError):
            self._data = open_file(
                directory / "data.mdb", os.O_RDONLY
            )  # by path looking takes 6 µs
            self._file = open_file(directory / MARK, os.O_RDWR | os.O_CREAT)

    def begin(self) -> None:
        """A commit begins."""
        if self._file >= 0:
            with suppress(OSError):
                os.pwrite(self._file, _BEGUN, _SIZE)

    def note(self, number: int = 0, crc: int = 0) -> None:
        """A commit is durable, and the newest."""
        self._write(number, crc, _this_boot())

    def close(self, number: int = 0, crc: int = 0) -> None:
        """Nothing more is written, and whoever writes from now on does so at a later time."""
        for _ in range(_TICKS):
            self._write(number, crc, _CLOSED)
            if self._is_later():
                break
            sleep(0.001)
        with suppress(OSError, ValueError):
            os.fsync(self._file)
        self.abandon()

    def abandon(self) -> None:
        """Let go of it as it is. Twice is harmless."""
        data, file = self._data, self._file
        self._data = self._file = -1
        for each in (data, file):
            if each >= 0:
                os.close(each)

    def _is_later(self) -> bool:
        """Whether the system's clock, which may move every 4 ms, has moved since the last write."""
        try:
            return os.fstat(self._file).st_mtime_ns > os.fstat(self._data).st_ctime_ns
        except (OSError, ValueError):
            return True

    def _write(self, number: int, crc: int, when: int) -> None:
        if self._file >= 0:
            with suppress(OSError):
                data = seal(_KEY, _FIELDS.pack(number, crc, when, *Look.of(os.fstat(self._data))))
                os.pwrite(self._file, data + _DONE, 0)


@cache
def _this_boot() -> int:
    said = boot()
    return crc32(said.encode()) | 2 if said else _UNKNOWN
