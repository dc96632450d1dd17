"""The mark: a small file beside a data file that says when comity last wrote it, and which commit
is its newest.

When the data file is opened again, the mark answers two questions.

*Has another program written it?* If the file's modification time is not later than the mark, no
other program has, and the file needs no check: a journal of any size opens in a millisecond, also
after kill -9. While the file is open, the time may be 20 ms later, for a commit in progress. In
every other case, a copy for example, all pages are checked.

*Is the newest commit still there?* If the page that names LMDB's newest state is damaged, LMDB goes
back to the state before it without an error. The mark is written after each commit's flush, so it
is never ahead of the journal. The mark itself is not flushed.

Writing the mark takes 2 µs per commit. A missing or damaged mark is no error; the file is checked.
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
"""Nanoseconds after a mark during which a commit in progress may still change the file."""
_TICKS: Final = 25
_CLOSED: Final = 0
"""In place of a boot: the file was closed, so the mark stays valid after any boot."""
_UNKNOWN: Final = 1
"""In place of a boot: the system gives its boots no id."""


class Look(NamedTuple):
    """A data file's inode and time of change. Devices are left out: a boot may renumber them."""

    inode: int
    changed: int
    """Nanoseconds since 1970; the later of mtime and ctime, since a copy can keep the mtime."""

    @classmethod
    def at(cls, directory: Path) -> Look:
        """The current look of the data file in this directory."""
        return cls.of((directory / "data.mdb").stat())

    @classmethod
    def of(cls, found: os.stat_result) -> Look:
        """The look that a result of `stat` gives."""
        return cls(found.st_ino, max(found.st_mtime_ns, found.st_ctime_ns))


class Mark(NamedTuple):
    """A mark that was read."""

    number: int
    """The number of the newest commit."""
    crc: int
    """The CRC of that commit's head."""
    boot: int
    inode: int
    written: int
    """When comity last wrote the data file, in nanoseconds since 1970."""

    @classmethod
    def read(cls, directory: Path) -> Mark | None:
        """Read the mark in this directory; None if it is missing or damaged."""
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
        """Whether only comity has written the file that looks like this."""
        if look.inode != self.inode:
            return False
        if self.boot == _CLOSED:
            return look.changed <= self.written
        return _UNKNOWN != self.boot == _this_boot() and look.changed <= self.written + GRACE


class FileMark:
    """Writes the mark in a directory, for the writer there. It raises no `OSError`."""

    def __init__(self, directory: Path) -> None:
        self._data = self._file = -1
        self._inode = self._written = self._number = self._crc = 0
        with suppress(OSError):
            self._data = open_file(directory / "data.mdb", os.O_RDONLY)
            self._inode = os.fstat(self._data).st_ino
            self._file = open_file(directory / MARK, os.O_RDWR | os.O_CREAT)

    def begin(self) -> None:
        """Renew the mark's time if it is old, because a commit begins."""
        if time_ns() - self._written > GRACE // 2:
            self.note(self._number, self._crc)

    def note(self, number: int = 0, crc: int = 0) -> None:
        """Record the newest durable commit: its number, and the CRC of its head."""
        self._number, self._crc = number, crc
        self._write(_this_boot(), time_ns())

    def close(self, number: int = 0, crc: int = 0) -> None:
        """Write the last mark and close; returns when any later write will have a later time."""
        self._number, self._crc = number, crc
        with suppress(OSError):
            for _ in range(_TICKS):
                changed = Look.of(os.fstat(self._data)).changed
                self._write(_CLOSED, changed)
                if os.fstat(self._file).st_mtime_ns > changed:
                    break  # the file system's clock, with ticks of up to 4 ms, has moved on
                pause(0.001)
            os.fsync(self._file)
        self.abandon()

    def abandon(self) -> None:
        """Close the files without writing. Calling it twice is harmless."""
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
