"""The one file of the engine that imports lmdb: opening, transactions, what its errors mean.

`LmdbJournal` and its index use it; they see tables, keys and values, and never LMDB itself. How
LMDB is opened here was chosen by fault injection and replayed power cuts:

- never `writemap`: a full disk would end the process with SIGBUS;
- lock.mdb is allocated before LMDB maps it, for the same reason;
- the engine is named, because an environment variable would choose the format otherwise;
- the map is reserved once, at its full size: resizing it invalidates what other threads read;
- the data file is not allocated ahead: commits of small groups took 5 to 15 % longer with it,
  and those of large groups no less.

A write transaction begins, works and ends in one `with` block on one thread: ended on another,
it would keep LMDB's writer lock for ever. A read transaction is as short, because an open one
makes the file grow; a memoryview that it gave is invalid, and not noticed to be, after its end.

A meta page that cannot be written ends the environment: everything fails from then on, reading too.
Whoever meets that first opens it again, so reading goes on whatever becomes of writing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final

import lmdb

from comity.engine.errors import (
    Closed,
    ComityError,
    JournalDamaged,
    JournalInUse,
    NotAJournal,
    NotExecuted,
    OutcomeUnknown,
    StorageFailed,
    StorageFull,
)
from comity.engine.files.disk import FULL, disk_errors
from comity.engine.files.file_mark import Mark
from comity.engine.files.own_folder import NotOurs, NotPermitted
from comity.engine.lmdb.gate import Gate
from comity.engine.lmdb.preflight import allocate_lock_file, check_file, check_files

ENGINE: Final = 0
"""LMDB 0.9: the default of py-lmdb, and what every other tool reads."""

LIBRARY: Final = f"py-lmdb {lmdb.__version__}"
ENGINE_VERSION: Final = "LMDB " + ".".join(map(str, lmdb.version(lib_version=ENGINE)))

READERS: Final = 1_024
"""Read transactions at a time, in all processes together."""

MAP_SIZE: Final = 1 << (36 if sys.maxsize > 1 << 32 else 30)
"""64 GiB of addresses, not of memory or disk; 1 GiB where an address has 32 bits."""

_LOOK_SECONDS: Final = 1.0

_NOT_OURS: Final = (lmdb.InvalidError, lmdb.VersionMismatchError, lmdb.NotFoundError)

_open_files: set[tuple[int, int]] = set()
"""Device and inode of each data file that this process has open. A second opening is refused
before it touches lock.mdb: closing any descriptor of that drops the locks of the first."""
_open_files_lock = Lock()


class Reading:
    """A read transaction: one state of all tables, whatever is committed meanwhile."""

    def __init__(
        self, txn: lmdb.Transaction[memoryview], handles: dict[str, lmdb._Database]
    ) -> None:
        self._txn = txn
        self._handles = handles

    def get(self, table: str, key: bytes) -> memoryview | None:
        """The value under a key; valid inside the transaction only."""
        return self._txn.get(key, db=self._handles[table])

    def rows(self, table: str, start: bytes = b"") -> Iterator[tuple[bytes, memoryview]]:
        """The rows from this key on, in order; valid inside the transaction only."""
        cursor = self._txn.cursor(self._handles[table])
        found = cursor.set_range(start) if start else cursor.first()
        while found:
            yield bytes(cursor.key()), cursor.value()
            found = cursor.next()

    def around(self, table: str, key: bytes) -> list[tuple[bytes, memoryview]]:
        """The row before this key and the one at or after it, as far as they exist."""
        cursor = self._txn.cursor(self._handles[table])
        found: list[tuple[bytes, memoryview]] = []
        if cursor.set_range(key):
            found.append((bytes(cursor.key()), cursor.value()))
            before = cursor.prev()
        else:
            before = cursor.last()
        if before:
            found.insert(0, (bytes(cursor.key()), cursor.value()))
        return found


class Writing(Reading):
    """The write transaction: everything in it comes about, or nothing does."""

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Set the value under a key."""
        if not self._txn.put(key, value, db=self._handles[table]):
            raise _refused(table)

    def put_last(self, table: str, key: bytes, value: bytes) -> None:
        """Add a row behind all others; one that would not be the last is refused."""
        if not self._txn.put(key, value, append=True, db=self._handles[table]):
            raise _refused(table)

    def put_all(self, table: str, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Set many values, sorted by key. One call, since each gives the GIL away and waits."""
        if self._txn.cursor(self._handles[table]).putmulti(rows) != (len(rows), len(rows)):
            raise _refused(table)

    def delete(self, table: str, start: bytes, limit: int) -> int:
        """Delete the rows whose keys begin with `start`, at most so many; how many it were."""
        cursor = self._txn.cursor(self._handles[table])
        deleted = 0
        found = cursor.set_range(start)
        while found and deleted < limit and bytes(cursor.key()).startswith(start):
            found = cursor.delete() and bool(cursor.key())
            deleted += 1
        return deleted

    def commit(self) -> None:
        """Flush and make durable what was put."""
        self._txn.commit()

    def abort(self) -> None:
        """Forget what was put."""
        with suppress(lmdb.Error):  # after MapFull or Panic there is nothing left to abort
            self._txn.abort()


class LmdbStore:
    """An LMDB environment of named tables, in a directory of its own."""

    def __init__(
        self,
        path: Path,
        tables: Sequence[str],
        *,
        map_size: int,
        fsync: bool,
        mark: Mark | None,
        lock: Path | None,
        unsealed: Container[bytes] = (),
    ) -> None:
        """Open what `create` has made; to read, where somebody else may hold the writer's `lock`.

        `mark` and `unsealed` are those of `check_file`.

        Raises:
            NotAJournal: it is no LMDB environment, or one without these tables.
            JournalInUse: this process has it open already.
            JournalDamaged: LMDB cannot read it.
            StorageFailed: the disk is full, or failed.
        """
        self._path = path
        self._tables = tables
        self._map_size = map_size
        self._fsync = fsync
        self._read_only = lock is not None
        self._gate = Gate()
        self._gone: NotExecuted | None = None
        self._looked = monotonic()
        self._file = _identity(path)
        self._refuse_twice()
        self._check_files()
        check_file(path, mark, unsealed, lock)  # takes 4 to 6 s for each GB, if it must
        with _open_files_lock:
            self._refuse_twice()
            allocate_lock_file(path / "lock.mdb", READERS)
            self._open()
            _open_files.add(self._file)

    def _refuse_twice(self) -> None:
        if self._file in _open_files:
            raise JournalInUse(
                f"{self._path} is open in this process already, or was where it was forked: use "
                "that journal, and fork before opening"
            )

    @staticmethod
    def create(path: Path, tables: Sequence[str], rows: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Make an environment of these rows in an existing directory.

        Raises:
            StorageFailed: the disk is full, or failed; what is there now is of no use.
        """
        allocate_lock_file(path / "lock.mdb", READERS)
        try:
            with (
                lmdb.open(
                    os.fspath(path), mode=0o600, max_dbs=len(tables), lib_version=ENGINE
                ) as env,
                env.begin(write=True) as txn,
            ):
                handles = {name: env.open_db(name.encode(), txn) for name in tables}
                for table, key, value in rows:
                    txn.put(key, value, db=handles[table])
        except lmdb.Error as error:
            raise _not_stored(error) from error

    @contextmanager
    def reading(self) -> Generator[Reading]:
        """A read transaction, from any thread.

        Raises:
            StorageFailed: all reader slots are taken, or it cannot be opened again.
            JournalDamaged: LMDB cannot read it.
        """
        with self._gate:
            env = self._env
            try:
                txn = self._begin()
            except lmdb.ReadersFullError as error:  # who wants to be alone would wait for them all
                raise _not_read(error) from error
            except lmdb.Error as error:
                failure = error
            else:
                try:
                    yield Reading(txn, self._handles)
                except lmdb.Error as error:
                    raise _not_read(error) from error
                finally:
                    txn.abort()
                return
        if isinstance(failure, lmdb.ReadersFullError) or not self._revive(env):
            raise _not_read(failure) from failure
        with self.reading() as reading:
            yield reading

    def _begin(self) -> lmdb.Transaction[memoryview]:
        self.check_open()
        try:
            return self._env.begin(buffers=True)
        except lmdb.ReadersFullError:
            self._env.reader_check()  # killed processes keep their slots until somebody looks
            return self._env.begin(buffers=True)

    @contextmanager
    def writing(self) -> Generator[Writing]:
        """The write transaction, from one thread only; leaving the block commits it.

        Raises:
            StorageFailed: nothing of it is stored.
            OutcomeUnknown: it may be stored; `reopen`, and look.
        """
        self.check_open()
        if monotonic() - self._looked > _LOOK_SECONDS:
            self._check_file()
            self._looked = monotonic()
        with self._gate:  # a reader opens a dead environment again once this is over
            txn = self._begin_to_write()
            try:
                yield txn
            except ComityError:
                txn.abort()
                raise
            except Exception as error:
                txn.abort()
                raise _not_stored(error) from error
            except BaseException:
                txn.abort()
                raise
            self._commit(txn)

    def _begin_to_write(self) -> Writing:
        try:
            return Writing(self._env.begin(write=True, buffers=True), self._handles)
        except (lmdb.Error, MemoryError) as error:
            raise _not_stored(error) from error

    def _commit(self, txn: Writing) -> None:
        try:
            txn.commit()
        except Exception as error:
            # A full disk fails before the meta page is written, or leaves the environment dead.
            txn.abort()
            if _is_full(error) and self._is_alive():
                raise _not_stored(error) from error
            raise OutcomeUnknown(f"the journal's commit failed midway: {error}") from error

    def reopen(self) -> None:
        """Open the environment again: after a failed commit it may be dead, or show what is not
        on the disk. Waits for the readers of the moment.

        Raises:
            StorageFailed: it cannot be opened; this may be tried again.
        """
        with self._gate.alone():
            self._open_again()

    def _revive(self, env: lmdb.Environment) -> bool:
        """Open it again if this environment is dead; False: it is alive, and that is no help.

        Raises:
            StorageFailed: it cannot be opened; this may be tried again.
        """
        with self._gate.alone():
            if env is self._env:  # else somebody was first
                if self._is_alive():
                    return False
                self._open_again()
            return True

    def _open_again(self) -> None:
        """Only alone."""
        self.check_open()
        self._check_file()
        self._env.close()
        try:
            self._check_files()
            self._open()
        except ComityError as error:
            raise StorageFailed(f"the journal cannot be opened again: {error}") from error

    def maintain(self) -> None:
        """Free the reader slots of dead processes. To be called every ten seconds or so."""
        self.check_open()
        with self._gate, suppress(lmdb.Error):
            self._env.reader_check()

    @property
    def path(self) -> Path:
        """The directory."""
        return self._path

    def size(self) -> int:
        """How many bytes its data take on the disk.

        Raises:
            StorageFailed: that cannot be told now.
        """
        self.check_open()
        with disk_errors(f"how large the data of {self._path} are cannot be told"):
            return (self._path / "data.mdb").stat().st_size

    def close(self) -> None:
        """Close it, once the readers of the moment are done. Closing twice is harmless."""
        if self._gone is None:
            with self._gate.alone():
                self._gone = Closed("this journal is closed")
                self._env.close()
            with _open_files_lock:
                _open_files.discard(self._file)

    def abandon(self, reason: NotExecuted) -> None:
        """Refuse everything from now on, and touch nothing: for the child after a fork."""
        self._gone = reason

    def check_open(self) -> None:
        """Raise `Closed` once it is closed, or what it was abandoned with."""
        if self._gone is not None:
            raise type(self._gone)(*self._gone.args)

    def _open(self) -> None:
        env = None
        try:
            env = self._env = lmdb.open(
                os.fspath(self._path),
                map_size=self._map_size,
                mode=0o600,
                create=False,
                readonly=self._read_only,
                sync=self._fsync,
                max_dbs=len(self._tables),
                max_readers=READERS,
                max_spare_txns=8,
                lib_version=ENGINE,
            )
            self._handles = {
                name: env.open_db(name.encode(), create=False) for name in self._tables
            }
            if any(handle.flags()["dupsort"] for handle in self._handles.values()):
                env.close()  # LMDB would end the process at the first look into it
                raise JournalDamaged(f"{self._path}: a table is not as it was made")
        except lmdb.Error as error:
            if env:
                env.close()
            if isinstance(error, _NOT_OURS):
                raise NotAJournal(
                    f"{self._path} is not a journal of this kind: {error}; restore a backup"
                ) from error
            raise _not_read(error) from error

    def _check_files(self) -> None:
        try:
            check_files(self._path, write=not self._read_only)
        except NotPermitted as error:
            raise StorageFailed(str(error)) from error
        except NotOurs as error:
            raise NotAJournal(str(error)) from error

    def _is_alive(self) -> bool:
        try:
            self._env.begin().abort()
        except lmdb.Error:
            return False
        return True

    def _check_file(self) -> None:
        # A file that was moved or deleted takes commits as before, and nobody finds them.
        if _identity(self._path) != self._file:
            raise StorageFailed(
                f"the data of {self._path} was moved or deleted while it was open: nothing more "
                "is written; put it back, or end this program"
            )


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = (path / "data.mdb").lstat()
    except OSError:
        return (0, 0)
    return found.st_dev, found.st_ino


def _is_full(error: BaseException) -> bool:
    if isinstance(error, lmdb.MapFullError | lmdb.DiskError):
        return True
    code = error.errno if isinstance(error, OSError) else getattr(error, "code", None)
    return code in FULL


def _refused(table: str) -> StorageFailed:
    # LMDB refuses some puts with False, and no exception.
    return StorageFailed(f"LMDB refused a row of {table}: it is not in order")


def _not_stored(error: BaseException) -> StorageFailed:
    if isinstance(error, lmdb.MapFullError):
        return StorageFull(f"the journal's map is full, open it with a larger map_size: {error}")
    if _is_full(error):
        return StorageFull(f"the disk is full: {error}")
    return StorageFailed(f"the journal could not write: {error!r}")


def _not_read(error: lmdb.Error) -> ComityError:
    damaged = (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError)
    if isinstance(error, damaged):
        return JournalDamaged(f"LMDB cannot read the journal: {error}; restore a backup")
    if isinstance(error, lmdb.ReadersFullError):
        return StorageFailed(f"all {READERS} reader slots are taken: {error}")
    return StorageFailed(f"the journal could not read: {error!r}")
