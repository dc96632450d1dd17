"""When comity last wrote a data file, and which commit is its newest: in a file beside it.

It answers two questions when the file is opened the next time.

*Has anybody else written it?* The mark says when comity last wrote it. Where the system has changed
the file's times no later, nobody has, and nothing needs to be checked; so a journal of any size
opens in a millisecond, also after kill -9. While it is open, 20 ms are allowed for a commit that is
being written. Anything else, such as a copy, is looked at page by page.

*Is the newest commit still there?* LMDB goes back to the state before it, and says nothing, where
the page that names the newest state is damaged. The mark is written after each commit's flush and
not flushed itself, so it is never ahead of the journal.

Writing it takes 2 µs a commit, and asks the system nothing. A mark that is missing or garbage says
nothing, and is no error.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from comity.engine.errors import JournalDamaged
from comity.engine.files.boot import boot
from comity.engine.files.own_folder import open_file
from comity.engine.files.seal import CRC_BYTES, seal, unseal
from comity.engine.formats import MARK as MARK_FORMAT
from comity.engine.runtime.system import pause, time_ns

MARK: Final = "mark"
_KEY: Final = b"comity mark %d" % MARK_FORMAT
"""A mark of another format has another seal, and so says nothing."""
_FIELDS: Final = struct.Struct(">QIIQQ")
_SIZE: Final = _FIELDS.size + CRC_BYTES
GRACE: Final = 20_000_000
"""Nanoseconds after a mark in which a commit that is being written may still change the file."""
_TICKS: Final = 25
_CLOSED: Final = 0
"""Stands for the start of the system in a mark that is good after any."""
_UNKNOWN: Final = 1
"""And where the system does not tell its starts apart."""


class Look(NamedTuple):
    """What the system says of a data file. Devices are left out: they may change at each start."""

    inode: int
    changed: int
    """When, in nanoseconds since 1970. A copy that keeps the times of its original is new."""

    @classmethod
    def at(cls, directory: Path) -> Look:
        """The data file in this directory, now."""
        return cls.of((directory / "data.mdb").stat())

    @classmethod
    def of(cls, found: os.stat_result) -> Look:
        """What the system has said."""
        return cls(found.st_ino, max(found.st_mtime_ns, found.st_ctime_ns))


class Mark(NamedTuple):
    """A mark as it was found."""

    number: int
    """The newest commit."""
    crc: int
    """The CRC of its head."""
    boot: int
    inode: int
    written: int
    """When comity last wrote the data file, in nanoseconds since 1970."""

    @classmethod
    def read(cls, directory: Path) -> Mark | None:
        """The mark in this directory; None where there is none that says anything."""
        try:
            file = open_file(directory / MARK, os.O_RDONLY)
            try:
                data = os.read(file, _SIZE + 1)
            finally:
                os.close(file)
            return cls(*_FIELDS.unpack(unseal(_KEY, data, "a mark")))
        except (OSError, JournalDamaged, struct.error):
            return None

    def knows(self, look: Look) -> bool:
        """Whether nobody but comity has written what looks like this."""
        if look.inode != self.inode:
            return False
        if self.boot == _CLOSED:
            return look.changed <= self.written
        return _UNKNOWN != self.boot == _this_boot() and look.changed <= self.written + GRACE


class FileMark:
    """The mark in a directory, held open by who writes there. It never raises: it is a courtesy."""

    def __init__(self, directory: Path) -> None:
        self._data = self._file = -1
        self._inode = self._written = self._number = self._crc = 0
        with suppress(OSError):
            self._data = open_file(directory / "data.mdb", os.O_RDONLY)
            self._inode = os.fstat(self._data).st_ino
            self._file = open_file(directory / MARK, os.O_RDWR | os.O_CREAT)

    def begin(self) -> None:
        """A commit begins."""
        if time_ns() - self._written > GRACE // 2:
            self.note(self._number, self._crc)

    def note(self, number: int = 0, crc: int = 0) -> None:
        """A commit is durable, and the newest."""
        self._number, self._crc = number, crc
        self._write(_this_boot(), time_ns())

    def close(self, number: int = 0, crc: int = 0) -> None:
        """Nothing more is written, and whoever writes from now on does so at a later time."""
        self._number, self._crc = number, crc
        with suppress(OSError):
            for _ in range(_TICKS):
                changed = Look.of(os.fstat(self._data)).changed
                self._write(_CLOSED, changed)
                if os.fstat(self._file).st_mtime_ns > changed:
                    break  # the system's clock, which may move every 4 ms, has moved since
                pause(0.001)
            os.fsync(self._file)
        self.abandon()

    def abandon(self) -> None:
        """Let go of it as it is. Twice is harmless."""
        data, file = self._data, self._file
        self._data = self._file = -1
        for each in (data, file):
            if each >= 0:
                os.close(each)

    def _write(self, boot: int, written: int) -> None:
        self._written = written
        mark = _FIELDS.pack(self._number, self._crc, boot, self._inode, written)
        try:  # noqa: SIM105 - `suppress` takes 1 µs for each commit
            os.pwrite(self._file, seal(_KEY, mark), 0)
        except OSError:
            pass


@cache
def _this_boot() -> int:
    said = boot()
    return crc32(said.encode()) | 2 if said else _UNKNOWN
