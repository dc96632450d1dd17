"""An LMDB environment of named tables, in a directory of its own: opened, opened again, let go of.

The journal's `LmdbStore` is one and so is a read model's `Environment`; how each begins and ends
its transactions is its own. How LMDB is opened was chosen by fault injection and replayed power
cuts:

- before a file that comity does not know as its own work is mapped, it is looked at without LMDB,
  which ends the process where a page is not what it wrote (`preflight`);
- never `writemap`: a full disk would end the process with SIGBUS;
- lock.mdb is allocated before LMDB maps it, for the same reason;
- the map is reserved once, at its full size: resizing it invalidates what other threads read;
- the data file is not allocated ahead: commits of small groups took 5 to 15 % longer with it,
  and those of large groups no less.

A meta page that cannot be written ends the environment: everything fails from then on, reading too.
Whoever meets that first may `revive` it, so reading goes on whatever becomes of writing.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Generic, TypeVar, cast

import lmdb

from comity.engine.files.file_mark import Mark
from comity.engine.lmdb import open_files
from comity.engine.lmdb.gate import Gate
from comity.engine.lmdb.library import ENGINE, READERS, Handle
from comity.engine.lmdb.meaning import Meaning
from comity.engine.lmdb.preflight import allocate_lock_file, check_file, check_files

V = TypeVar("V", bytes, memoryview)


class LmdbEnvironment(Generic[V]):
    """What is done alike wherever comity uses LMDB.

    Args:
        path: the directory; `create` it first.
        tables: the name of each table, and whether it holds several values under one key.
        map_size: how large it may grow, in bytes of addresses.
        fsync: whether a commit is on the disk when it returns.
        read_only: beside the process that writes.
        mark: the one that was found beside the data file.
        lock: of whoever writes meanwhile; None for who holds it. See `check_file`.
        unsealed: the tables whose values end with no checksum of their own.

    Raises:
        meaning.in_use: this process has it open already.
        meaning.damaged: it is not what was written.
        meaning.foreign: it is something else, or one of the tables is missing.
        meaning.gone: it is not there.
        StorageFailed: the disk is full, or failed.
    """

    meaning: ClassVar[Meaning]
    mode: ClassVar[int]
    """Of its files."""
    views: ClassVar[bool] = False
    """Whether values are given as views, valid inside their transaction only, and not as copies."""

    def __init__(
        self,
        path: Path,
        tables: Mapping[str, bool],
        *,
        map_size: int,
        fsync: bool,
        read_only: bool,
        mark: Mark | None,
        lock: Path | None,
        unsealed: Container[bytes] = (),
    ) -> None:
        self.path = path
        self.read_only = read_only
        self.gate = Gate()
        """Passed by who must not meet an environment that is being opened again."""
        self._tables = tables
        self._map_size = map_size
        self._fsync = fsync
        self._is_open = False
        self._file = open_files.new_file(path, self.meaning)
        with self.meaning.told(path):
            check_files(path, write=not read_only)
            check_file(path, mark, unsealed, lock, self.meaning)  # 4 to 6 s for each GB, if it must
        with open_files.OPENING:
            self._file = open_files.new_file(path, self.meaning)
            with self.meaning.told(path):
                self._map()
            open_files.opened(self._file)
        self._is_open = True

    @classmethod
    def create(
        cls, path: Path, tables: Mapping[str, bool], rows: Iterable[tuple[str, bytes, bytes]] = ()
    ) -> None:
        """Make an environment with these tables and rows in an existing directory.

        Raises:
            StorageFailed: the disk is full, or failed; what is there now is of no use.
        """
        with open_files.OPENING, cls.meaning.told(path):
            allocate_lock_file(path / "lock.mdb", READERS)
            with (
                lmdb.open(
                    os.fspath(path), mode=cls.mode, max_dbs=len(tables), lib_version=ENGINE
                ) as env,
                env.begin(write=True) as txn,
            ):
                handles = {
                    name: env.open_db(name.encode(), txn, dupsort=several)
                    for name, several in tables.items()
                }
                for table, key, value in rows:
                    txn.put(key, value, db=handles[table])

    def transaction(self, *, write: bool = False) -> lmdb.Transaction[V] | None:
        """Begin one; None where a failed write has ended the environment: `revive` it.

        Raises:
            meaning.crowded: all slots of readers are taken.
            StorageFailed: it cannot begin.
        """
        try:
            return self._begin(write)
        except lmdb.ReadersFullError:
            self._env.reader_check()  # killed processes keep their slots until somebody looks
        except lmdb.Error:
            if not self.is_alive():
                return None
        with self.meaning.told(self.path):
            return self._begin(write)

    def is_alive(self) -> bool:
        """Whether a failed write has not ended it."""
        try:
            self._env.begin().abort()
        except lmdb.ReadersFullError:
            return True
        except lmdb.Error:
            return False
        return True

    def reopen(self) -> None:
        """Open it again, once nobody is in the gate.

        Raises:
            StorageFailed: it cannot be opened; this may be tried again.
        """
        with self.gate.alone():
            self._reopen()

    def revive(self) -> None:
        """Open it again if a failed write has ended it. Not from within the gate.

        Raises:
            StorageFailed: it cannot be opened; this may be tried again.
        """
        with self.gate.alone():
            if not self.is_alive():  # else somebody was first
                self._reopen()

    def check_place(self) -> None:
        """A file that was moved or deleted takes commits as before, and nobody finds them.

        Raises:
            meaning.gone: it was.
        """
        if open_files.file_in(self.path) != self._file:
            raise self.meaning.gone(
                f"the data of {self.path} was moved or deleted while it was open, and nothing more "
                f"is written: {self.meaning.find}"
            )

    def check_readers(self) -> int:
        """Free the slots of dead processes; how many it were."""
        with self.gate, self.meaning.told(self.path):
            return self._env.reader_check()

    def size(self) -> int:
        """How many bytes its data take on the disk.

        Raises:
            OSError: that cannot be told now.
        """
        return (self.path / "data.mdb").stat().st_size

    def close(self) -> None:
        """Let go of the files. Nobody uses it any more. Closing twice is harmless."""
        if self._is_open:
            self._is_open = False  # first: another environment may have the file by then
            with open_files.OPENING:
                self._env.close()
                open_files.closed(self._file)

    def leave_to_parent(self) -> None:
        """In a forked child: touch nothing any more."""
        self.gate = Gate()  # the parent's threads may have been in it
        self._is_open = False
        open_files.leave_to_parent(self._env)

    def _begin(self, write: bool) -> lmdb.Transaction[V]:  # noqa: FBT001 - see `transaction`
        env = self._env
        txn = env.begin(write=write, buffers=True) if self.views else env.begin(write=write)
        return cast("lmdb.Transaction[V]", txn)

    def _reopen(self) -> None:
        """Only alone."""
        self.check_place()
        self._env.close()
        with self.meaning.told(self.path):
            check_files(self.path, write=not self.read_only)
            self._map()

    def _map(self) -> None:
        allocate_lock_file(self.path / "lock.mdb", READERS)
        env = self._env = lmdb.open(
            os.fspath(self.path),
            map_size=self._map_size,
            mode=self.mode,
            create=False,
            readonly=self.read_only,
            sync=self._fsync,
            metasync=self._fsync,
            max_dbs=len(self._tables),
            max_readers=READERS,
            max_spare_txns=16,
            lib_version=ENGINE,
        )
        try:
            self.handles: Mapping[str, Handle] = {
                name: Handle(env.open_db(name.encode(), create=False), several)
                for name, several in self._tables.items()
            }
        except lmdb.Error:
            env.close()
            raise
        for name, (table, several) in self.handles.items():
            if table.flags()["dupsort"] != several:
                env.close()  # LMDB would end the process at the first look into it
                raise self.meaning.damaged(
                    f"{self.path}: table {name} is not as it was made; {self.meaning.mend}"
                )
