"""An LMDB environment of named tables in its own directory: creating, opening, reopening, closing.

The journal's `LmdbStore` and a read model's `Environment` are subclasses; each begins and ends its
transactions in its own way. The options of LMDB were chosen by fault injection and replayed power
cuts:

- a file that another program may have written is checked without LMDB before it is mapped
  (`preflight`): LMDB ends the process if a page is not what it wrote;
- never `writemap`: a full disk would end the process with SIGBUS;
- lock.mdb is allocated before LMDB maps it, for the same reason;
- the map is reserved once, at its full size: resizing it invalidates what other threads read;
- the data file is not allocated in advance: this made commits of small groups 5 to 15 % slower,
  and commits of large groups no faster.

If a meta page cannot be written, the environment has ended: all reads and writes fail from then on.
Any reader may then `revive` it, so reading goes on even if writing still fails.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Final, Generic, NamedTuple, TypeVar, cast

import lmdb

from comity.engine.files.file_mark import Mark
from comity.engine.lmdb import open_files
from comity.engine.lmdb.gate import Gate
from comity.engine.lmdb.library import ENGINE, READERS, Handle
from comity.engine.lmdb.meaning import Meaning
from comity.engine.lmdb.preflight import allocate_lock_file, check_file, check_files

V = TypeVar("V", bytes, memoryview)


_METAS: Final = 2
"""The pages at the file's beginning that name its newest states."""


class Room(NamedTuple):
    """What a data file takes, in bytes."""

    size: int
    """The file's size. It never shrinks while a program has it open."""
    used: int
    """What holds data; the rest is free, and what is written next is written there first."""

    @property
    def free(self) -> int:
        """What holds no data. A compact copy of the file would do without it."""
        return max(0, self.size - self.used)


class LmdbEnvironment(Generic[V]):
    """The base class of all uses of LMDB in comity.

    Args:
        path: the environment's directory; make it with `create` first.
        tables: the name of each table, and whether a key may have several values.
        map_size: how large the data file may grow, in bytes of addresses.
        fsync: whether `commit` returns only when the commit is on the disk.
        read_only: whether only to read; another process may write.
        mark: the mark that was found beside the data file.
        lock: the writer's lock file; None if the caller holds it. See `check_file`.
        unsealed: the tables whose values do not end with a checksum.

    Raises:
        meaning.in_use: this process has the environment open already.
        meaning.damaged: the data are not what was written.
        meaning.foreign: the files are something else, or a table is missing.
        meaning.gone: the data file is not there.
        StorageFailed: the disk is full, or failed.
    """

    meaning: ClassVar[Meaning]
    mode: ClassVar[int]
    """The permissions of its files."""
    views: ClassVar[bool] = False
    """Whether values are views, valid inside their transaction only; otherwise they are copies."""

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
        """Entered by threads that must not see the environment while it is being reopened."""
        self.opened = 0
        """How often its files were opened."""
        self._tables = tables
        self._map_size = map_size
        self._fsync = fsync
        self._is_open = False
        self._file = open_files.new_file(path, self.meaning)
        with self.meaning.told(path):
            check_files(path, write=not read_only)
            check_file(path, mark, unsealed, lock, self.meaning)  # a full check: 4 to 6 s per GB
        with open_files.OPENING:
            self._file = open_files.new_file(path, self.meaning)
            with self.meaning.told(path):
                self._map_current()
            open_files.opened(self._file)
        self._is_open = True
        try:  # not while OPENING is held: it waits for a program that is stopped while it writes
            with self.meaning.told(path):
                self._name_tables()
        except BaseException:
            self._close_files()
            raise

    @classmethod
    def create(
        cls, path: Path, tables: Mapping[str, bool], rows: Iterable[tuple[str, bytes, bytes]] = ()
    ) -> None:
        """Make an environment with these tables and rows in an existing directory.

        Raises:
            StorageFailed: the disk is full, or failed; the directory is then unusable.
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
        """Begin a transaction; return None if a failed write has ended the environment.

        After None, call `revive`.

        Raises:
            meaning.crowded: all reader slots are taken.
            StorageFailed: the transaction cannot begin.
        """
        try:
            return self._begin(write)
        except lmdb.ReadersFullError:
            self._env.reader_check()  # frees the slots of killed processes
        except lmdb.Error:
            if not self.is_alive():
                return None
        with self.meaning.told(self.path):
            return self._begin(write)

    def newest(self) -> int:
        """Return the number of the newest transaction, of any process; -1 if LMDB cannot tell now.

        It takes 0.1 µs, because it does not enter the gate: if another thread closes or reopens
        the environment meanwhile, LMDB raises an error.
        """
        try:
            txn = self._env.begin()
            number = txn.id()
            txn.abort()
        except lmdb.Error:
            return -1
        return number

    def is_alive(self) -> bool:
        """Return False if a failed write has ended the environment."""
        try:
            self._env.begin().abort()
        except lmdb.ReadersFullError:
            return True
        except lmdb.Error:
            return False
        return True

    def reopen(self) -> None:
        """Open the environment again, when no thread is inside the gate.

        Raises:
            StorageFailed: the files cannot be opened; you may try again.
        """
        with self.gate.alone():
            self._reopen()

    def revive(self) -> None:
        """Open the environment again if a failed write has ended it. Not from inside the gate.

        Raises:
            StorageFailed: the files cannot be opened; you may try again.
        """
        with self.gate.alone():
            if not self.is_alive():  # else another thread was first
                self._reopen()

    def check_place(self) -> None:
        """Check that the data file is still in place.

        A file that was moved or deleted still accepts commits, which are lost.

        Raises:
            meaning.gone: the file was moved or deleted.
        """
        if open_files.file_in(self.path) != self._file:
            raise self.meaning.gone(
                f"the data of {self.path} was moved or deleted while it was open, and nothing more "
                f"is written: {self.meaning.find}"
            )

    def check_readers(self) -> int:
        """Free the slots of dead processes; return how many were freed."""
        with self.gate, self.meaning.told(self.path):
            return self._env.reader_check()

    def size(self) -> int:
        """Return the data file's size in bytes.

        Raises:
            OSError: the size cannot be read now.
        """
        return (self.path / "data.mdb").stat().st_size

    def room(self) -> Room:
        """Return the data file's size, and how much of it holds data. It takes some microseconds.

        Raises:
            StorageFailed: the environment cannot be read now.
        """
        with self.gate, self.meaning.told(self.path):
            size, page = self.size(), self._env.stat()["psize"]
            txn = self._env.begin()
            try:
                stats = [txn.stat(table) for table, _ in self.handles.values()]
            finally:
                txn.abort()
            stats.append(self._env.stat())
            used = sum(
                each["branch_pages"] + each["leaf_pages"] + each["overflow_pages"] for each in stats
            )
        return Room(size, min(size, page * (used + _METAS)))

    def close(self) -> None:
        """Close the files. No thread may use the environment now. Closing twice is harmless."""
        self._close_files()

    def _close_files(self) -> None:
        if self._is_open:
            self._is_open = False  # first: later another environment may have the file
            with open_files.OPENING:
                self._env.close()
                open_files.closed(self._file)

    def leave_to_parent(self) -> None:
        """Leave the files to the parent, in a forked child; touch nothing any more."""
        self.gate = Gate()  # the parent's threads may have been in it
        self._is_open = False
        open_files.leave_to_parent(self._env)

    def _begin(self, write: bool) -> lmdb.Transaction[V]:  # noqa: FBT001 - see `transaction`
        env = self._env
        txn = env.begin(write=write, buffers=True) if self.views else env.begin(write=write)
        return cast("lmdb.Transaction[V]", txn)

    def _reopen(self) -> None:
        """Open the files again. The caller holds the gate alone."""
        self.check_place()
        self._env.close()
        with self.meaning.told(self.path):
            check_files(self.path, write=not self.read_only)
            self._map()
            self._name_tables()

    def _map_current(self) -> None:
        """Map the file that is in place, even if a compact copy takes it at this moment."""
        self._map()
        while open_files.file_in(self.path) not in (self._file, None):
            self._env.close()
            self._file = open_files.new_file(self.path, self.meaning)
            self._map()

    def _map(self) -> None:
        allocate_lock_file(self.path / "lock.mdb", READERS)
        self.opened += 1
        self._env = lmdb.open(
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

    def _name_tables(self) -> None:
        """Find the tables. An environment to write waits for whoever writes in it now."""
        env = self._env
        try:
            if self.read_only:
                found = {name: env.open_db(name.encode(), create=False) for name in self._tables}
            else:  # alone, `open_db` would keep Python's lock while it waits
                with env.begin(write=True) as txn:
                    found = {
                        name: env.open_db(name.encode(), txn, create=False) for name in self._tables
                    }
        except lmdb.Error:
            env.close()
            raise
        self.handles: Mapping[str, Handle] = {
            name: Handle(table, self._tables[name]) for name, table in found.items()
        }
        for name, (table, several) in self.handles.items():
            if table.flags()["dupsort"] != several:
                env.close()  # LMDB would end the process at the first access
                raise self.meaning.damaged(
                    f"{self.path}: table {name} is not as it was made; {self.meaning.mend}"
                )
