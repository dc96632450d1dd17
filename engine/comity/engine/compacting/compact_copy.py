"""Copies an LMDB file row by row, so that the copy's pages are full, and puts it in its place.

Nobody may have the file open meanwhile. The journal and the ledgers of outlets use it. Whatever
happens, even kill -9 or a power cut, either the old file is in its place or the complete copy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from comity.engine.compacting.progress import Progress, Show, Stage, Stopped
from comity.engine.errors import JournalInUse, OutcomeUnknown, StorageFailed, StorageFull
from comity.engine.files.disk import disk_errors
from comity.engine.files.file_mark import FileMark
from comity.engine.files.own_folder import FRESH, OwnFolder, flush_folder, fresh, open_file
from comity.engine.formats import too_new
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.lmdb.transaction import Reading
from comity.engine.runtime.system import monotonic
from comity.engine.sharing.byte_lock import release_byte, take_byte

_ASIDE: Final = re.compile(rf"compact-{FRESH}|gone-{FRESH}|data\.mdb|lock\.mdb")
_LEFT: Final = re.compile(rf"(?:compact|gone)-{FRESH}")
_BATCH: Final = 4 << 20
"""So many bytes are written in one transaction, or one larger row."""
_SPARE: Final = 8 << 20
"""Bytes that the disk must have beside the copy."""
_SHOWN: Final = 0.2


class Shrunk(NamedTuple):
    """What a compact copy has given back."""

    before: int
    """The file's size before, in bytes."""
    after: int


class CompactCopy:
    """A compact copy of a file, which is made beside it and then takes its place.

    Args:
        store: the environment, which nobody else may write; it is closed before the swap.
        tables: its tables.
        show: is told of the progress.
        stop: whether to stop; then nothing is changed.
    """

    def __init__(
        self,
        store: LmdbStore,
        tables: Mapping[str, bool],
        show: Show | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self._store, self._tables = store, tables
        self._show, self._stop = show, stop
        self._shown = monotonic()
        self._folder = OwnFolder(store.path, _ASIDE)

    def swap(self, number: int = 0, crc: int = 0) -> Shrunk:
        """Copy, compare, and put the copy in the file's place.

        Args:
            number: the newest commit, for the mark.
            crc: the CRC of its head.

        Raises:
            TooNew: a newer comity has tables in the file; nothing is changed.
            StorageFull: the disk has no room for the copy; nothing is changed.
            JournalInUse: a program reads the file; nothing is changed.
            Stopped: `stop` said so; nothing is changed.
            StorageFailed: the disk failed; the old file or the copy is in its place.
        """
        self._check_tables()
        sweep(self._store.path)
        room = self._store.room()
        check_room(self._store.path, room.used)
        with disk_errors(f"no copy can be made in {self._store.path}"):
            aside = self._folder.add(f"compact-{fresh()}", 0o700)
        try:
            try:
                self._fill(aside)
            except OutcomeUnknown as error:  # what is in the copy is of no use, and harms nothing
                raise StorageFailed(f"{error}; {self._store.path} was not changed") from error
            self._store.close()
            with disk_errors(f"the copy cannot be put into {self._store.path}"):
                _replace(self._store.path, aside)
        finally:
            sweep(self._store.path)
        mark = FileMark(self._store.path)
        mark.note(number, crc)
        mark.close(number, crc)
        return Shrunk(room.size, (self._store.path / "data.mdb").stat().st_size)

    def _check_tables(self) -> None:
        """Check that the copy would have all tables."""
        with self._store.reading() as txn:
            others = txn.names() - self._tables.keys()
        if others:
            what = f"{self._store.path} has the tables {', '.join(sorted(others))}"
            raise too_new(f"{what}, and was not changed", ", ".join(self._tables))

    def _fill(self, aside: Path) -> None:
        """Write all rows into a new file, and compare it with the old one."""
        type(self._store).create(aside, self._tables)
        copy = type(self._store)(
            aside, self._tables, map_size=MAP_SIZE, fsync=False, mark=None, lock=None
        )
        try:
            with self._store.reading() as txn:
                total = txn.count(self._tables)
                self._write(copy, txn, total)
                with copy.reading() as copied:
                    self._compare(txn, copied, total)
            # Both meta pages then name states with all rows: see decision 57.
            for _ in range(2):
                with copy.writing() as last:
                    last.touch()
        finally:
            copy.close()
        with disk_errors(f"the copy in {aside} cannot be flushed"):
            _flush(aside / "data.mdb")

    def _write(self, copy: LmdbStore, txn: Reading, total: int) -> None:
        done = 0
        for table in self._tables:
            for batch in _batches(txn.rows(table)):
                with copy.writing() as writing:
                    writing.append_all(table, batch)
                done += len(batch)
                self._tell(Progress(Stage.COPYING, done, total))

    def _compare(self, txn: Reading, copied: Reading, total: int) -> None:
        done = 0
        for table in self._tables:
            for one, other in zip_longest(txn.rows(table), copied.rows(table)):
                if one != other:
                    raise StorageFailed(
                        f"the copy of {self._store.path} differs from it, so it was not used"
                    )
                done += 1
                if not done % 1000:
                    self._tell(Progress(Stage.COMPARING, done, total))

    def _tell(self, progress: Progress) -> None:
        if self._stop is not None and self._stop():
            raise Stopped
        if self._show is not None and monotonic() - self._shown > _SHOWN:
            self._show(progress)
            self._shown = monotonic()


def check_room(path: Path, used: int) -> None:
    """Check that the disk has room for the copy.

    Raises:
        StorageFull: it has not; the text says how much is missing.
    """
    with disk_errors(f"the room on the disk of {path} cannot be told"):
        disk = os.statvfs(path)
    free = disk.f_bavail * disk.f_frsize
    if free < used + _SPARE:
        raise StorageFull(
            f"a compact copy of {path} takes {used / 1e6:,.1f} MB, and its disk has "
            f"{free / 1e6:,.1f} MB left: make room first; nothing was changed"
        )


def sweep(path: Path) -> None:
    """Remove copies that killed programs have left. Nobody may be making one."""
    folder = OwnFolder(path, _ASIDE)
    for name in folder.folders(_LEFT):
        with suppress(OSError):
            folder.remove(name, f"gone-{fresh()}")


def _batches(
    rows: Iterator[tuple[bytes, memoryview]],
) -> Iterator[list[tuple[bytes, memoryview]]]:
    batch, size = list[tuple[bytes, memoryview]](), 0
    for row in rows:
        batch.append(row)
        size += len(row[0]) + len(row[1])
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _replace(path: Path, aside: Path) -> None:
    """Put the copy in the place of data.mdb, while nobody can open it with LMDB.

    Raises:
        JournalInUse: somebody has it open, to read.
    """
    lock = open_file(path / "lock.mdb", os.O_RDWR | os.O_CREAT)
    try:
        if not take_byte(lock, 0):
            raise JournalInUse(
                f"{path} is being read by another program, which would not see what is written "
                "from then on: end it, and run this again; the file was not changed"
            )
        try:
            (aside / "data.mdb").replace(path / "data.mdb")
            flush_folder(path)
        finally:
            release_byte(lock, 0)
    finally:
        os.close(lock)


def _flush(file: Path) -> None:
    descriptor = open_file(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
