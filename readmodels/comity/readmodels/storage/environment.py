"""The read side's one file that imports lmdb: a model's tables as one LMDB environment.

Snapshots and projections use it; they see tables, keys and values. Each value ends in a checksum
of it and its key, which is put there and looked at here (decision 12). Flushing is off, because a
model can be built again: `power_mark` says how a power cut is recognised. What `lmdb_store` of the
engine says about opening LMDB holds here too: no writemap, lock.mdb allocated first, one map size.

And a meta page that cannot be written ends the environment here as well. Whoever meets that first,
who begins a snapshot or who writes, opens it again; snapshots that are open end with it.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice, takewhile
from pathlib import Path
from threading import Lock, RLock
from time import monotonic
from typing import Final, NamedTuple, TypeAlias
from zlib import crc32

import lmdb

from comity.engine.errors import (
    ComityError,
    ModelDamaged,
    ModelInUse,
    NotReady,
    ReadModelError,
    SnapshotExpired,
    StorageFailed,
    StorageFull,
)
from comity.engine.files.disk import FULL, check_looked
from comity.engine.files.file_mark import FileMark, Mark
from comity.engine.files.own_folder import NotOurs, look_at, open_file
from comity.engine.files.seal import CRC_BYTES, SOUND, seal
from comity.engine.lmdb.preflight import allocate_lock_file, check_file, check_files
from comity.engine.lmdb.store import ENGINE, MAP_SIZE

READERS: Final = 1_024
"""Snapshots at a time, in all processes together."""

DAMAGED: Final = "damaged"
"""The name of an empty file beside data.mdb, once anybody has noticed damage."""

Entry: TypeAlias = tuple[bytes, bytes]
"""What stands in a table: a key and a value. Under one key of an index there may be several."""


class Handle(NamedTuple):
    """A table that is open."""

    table: lmdb._Database
    several: bool
    """Whether a key may have several values."""


_DAMAGED: Final = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.NotFoundError,  # a table
)

_pack_crc = struct.Struct("<I").pack

_open_files: set[tuple[int, int]] = set()
"""Device and inode of each data file that this process has open; see `lmdb_store`."""
_open_files_lock = RLock()  # the garbage collector may close a forgotten snapshot meanwhile
_left_to_parent: list[object] = []
"""After a fork the child must not end the parent's transactions, so it keeps them for ever."""


class Span(NamedTuple):
    """A stretch of a table in key order: from `low` on, and before `high` (None: to the end)."""

    low: bytes
    high: bytes | None

    def holds(self, key: bytes) -> bool:
        """Whether the key is in it."""
        return self.low <= key and (self.high is None or key < self.high)


EVERYTHING: Final = Span(b"", None)


class Reading:
    """A read transaction: one state of all tables, from any thread, until it is closed.

    Each call takes its lock: LMDB ends the process when one thread ends a transaction that
    another one is reading in.
    """

    __slots__ = ("_environment", "_lock", "_txn", "began", "handles")

    def __init__(self, environment: Environment, txn: lmdb.Transaction[bytes]) -> None:
        self._environment = environment
        self._txn: lmdb.Transaction[bytes] | None = txn
        self._lock = Lock()
        self.handles = environment.handles
        self.began = monotonic()

    def get(self, handle: Handle, key: bytes) -> bytes | None:
        """The value under a key; of an index, the first one."""
        with self._lock:
            txn = self._txn if self._txn is not None else self._open()
            try:
                data = txn.get(key, None, handle.table)
            except lmdb.Error as error:
                raise self._meaning(error) from error
        if data is None:
            return None
        if crc32(data, crc32(key)) != SOUND:
            raise self._unsound(key)
        return data[:-CRC_BYTES]

    def get_many(self, handle: Handle, keys: Sequence[bytes]) -> list[bytes | None]:
        """The value under each key."""
        with self._lock:
            get = self._open().get
            try:
                found = [get(key, None, handle.table) for key in keys]
            except lmdb.Error as error:
                raise self._meaning(error) from error
        bare = [
            data and data[:-CRC_BYTES]
            for key, data in zip(keys, found, strict=True)
            if data is None or crc32(data, crc32(key)) == SOUND
        ]
        if len(bare) < len(found):
            raise self._unsound(keys[0])
        return bare

    def entries(
        self, handle: Handle, span: Span, limit: int, *, after: Entry | None, backwards: bool
    ) -> list[Entry]:
        """Up to so many entries of the span, those after (backwards: before) a given one."""
        if after is not None and handle.several:
            after = after[0], seal(*after)
        with self._lock:
            txn = self._open()
            try:
                cursor = txn.cursor(handle.table)
                if backwards:
                    found = _seek_back(cursor, span, after, several=handle.several)
                    entries = list(islice(cursor.iterprev(), limit)) if found else []
                else:
                    found = _seek(cursor, span, after, several=handle.several)
                    entries = list(islice(cursor.iternext(), limit)) if found else []
            except lmdb.Error as error:
                raise self._meaning(error) from error
        if entries and not span.holds(entries[-1][0]):
            entries = [each for each in entries if span.holds(each[0])]
        bare = [
            (key, data[:-CRC_BYTES]) for key, data in entries if crc32(data, crc32(key)) == SOUND
        ]
        if len(bare) < len(entries):
            raise self._unsound(entries[0][0])
        return bare

    def count(self, handle: Handle, span: Span) -> int:
        """How many entries the span has; quick for a whole table and for one key of an index."""
        with self._lock:
            txn = self._open()
            if span == EVERYTHING:
                return txn.stat(handle.table)["entries"]
            try:
                return _count(txn.cursor(handle.table), span, several=handle.several)
            except lmdb.Error as error:
                raise self._meaning(error) from error

    def pages(self, handle: Handle) -> int:
        """How many pages the table takes."""
        with self._lock:
            stat = self._open().stat(handle.table)
            return stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]

    def close(self) -> None:
        """End it. Closing twice is harmless."""
        if not self.is_open:
            return
        with self._lock:
            txn, self._txn = self._txn, None
            if txn is not None:
                txn.abort()
                self._environment.closed(self)

    @property
    def number(self) -> int:
        """The number of the commit whose state it is."""
        with self._lock:
            return self._open().id()

    @property
    def is_open(self) -> bool:
        """Whether it can still be asked."""
        return self._txn is not None

    def leave_to_parent(self) -> None:
        """In a forked child: forget the transaction without ending it."""
        _left_to_parent.append(self._txn)
        self._txn = None

    def damaged(self, reason: str) -> ModelDamaged:
        """The error for who asked, once it is noted: who projects builds the model anew."""
        self._environment.note_damage()
        return ModelDamaged(f"{self._environment.path} is damaged and is built anew: {reason}")

    def _unsound(self, key: bytes) -> ModelDamaged:
        return self.damaged(f"what stands at {key!r}, or after that, is not what was written")

    def _meaning(self, error: lmdb.Error) -> ComityError:
        try:
            with translated(self._environment.path):
                raise error
        except ModelDamaged as meant:
            return self.damaged(str(meant))
        except ComityError as meant:
            return meant

    def _open(self) -> lmdb.Transaction[bytes]:
        if self._txn is None:
            raise SnapshotExpired(
                "this snapshot is closed, or was held past its deadline: read again, and hold it "
                "in a `with` block no longer than an answer takes"
            )
        return self._txn


class Writing(Reading):
    """The write transaction: everything in it comes about, or nothing does."""

    __slots__ = ()

    def put_all(self, handle: Handle, entries: Sequence[Entry]) -> None:
        """Set many values, sorted by key. One call, since each gives the GIL away and waits."""
        if entries:
            self._open().cursor(handle.table).putmulti(_sealed(entries))

    def put(self, handle: Handle, key: bytes, value: bytes) -> None:
        """Set the value under a key."""
        self._open().put(key, seal(key, value), db=handle.table)

    def add_last(self, handle: Handle, entries: Sequence[Entry]) -> bool:
        """Add entries behind all others; False where one would not come last."""
        cursor = self._open().cursor(handle.table)
        return not entries or cursor.putmulti(_sealed(entries), append=True)[1] == len(entries)

    def delete(self, handle: Handle, key: bytes, value: bytes = b"") -> None:
        """Delete a key, or of an index one of its entries."""
        self._open().delete(key, seal(key, value) if value else b"", handle.table)

    def clear(self, handle: Handle) -> None:
        """Delete everything in a table."""
        self._open().drop(handle.table, delete=False)

    def commit(self) -> None:
        """Make what was put the newest state."""
        txn, self._txn = self._open(), None
        txn.commit()

    def abort(self) -> None:
        """Forget what was put."""
        txn, self._txn = self._txn, None
        if txn is not None:
            with suppress(lmdb.Error):  # after MapFull there is nothing left to abort
                txn.abort()


class Environment:
    """The tables of one generation of a model, in a directory of its own.

    Args:
        path: the directory; `create` it first.
        tables: the name of each table, and whether it holds several values under one key.
        map_size: how large it may grow, in bytes of addresses.
        read_only: in processes that only read.
        lock: of whoever writes meanwhile; None for who holds it. See `check_file`.

    Raises:
        ModelInUse: this process has it open already.
        ModelDamaged: it is not what was written.
        NotReady: it is not there, or not whole.
    """

    def __init__(
        self,
        path: Path,
        tables: Mapping[str, bool],
        *,
        map_size: int = MAP_SIZE,
        read_only: bool = False,
        lock: Path | None = None,
    ) -> None:
        self.path = path
        self.read_only = read_only
        # Reentrant: the garbage collector may close a forgotten snapshot while this is held.
        self._lock = RLock()
        self._writer = RLock()  # taken before the lock; who opens it again waits for who writes
        self._open: dict[Reading, None] = {}  # in the order in which they began
        self._retired = False
        self._closed = False
        self._abandoned = False
        self._tables = tables
        self._map_size = map_size
        self._damaged = False
        self._file = self._refuse_twice()
        with translated(path):
            check_files(path, write=not read_only)
            check_file(path, Mark.read(path), (), lock)
        with _open_files_lock:
            self._file = self._refuse_twice()
            with translated(path):
                self._map()
            _open_files.add(self._file)
        self._mark = None if read_only else FileMark(path)
        self._noted = -1
        self.note()

    def _refuse_twice(self) -> tuple[int, int]:
        file = _identity(self.path)
        if file in _open_files:
            raise ModelInUse(
                f"{self.path} is open in this process already, or was where it was forked: use "
                "that one, and fork before opening"
            )
        return file

    def _map(self) -> None:
        allocate_lock_file(self.path / "lock.mdb", READERS)
        self._env = lmdb.open(
            os.fspath(self.path),
            map_size=self._map_size,
            mode=0o640,
            create=False,
            readonly=self.read_only,
            sync=False,
            metasync=False,
            max_dbs=len(self._tables) + 1,
            max_readers=READERS,
            max_spare_txns=16,
            lib_version=ENGINE,
        )
        try:
            self.handles: Mapping[str, Handle] = _open_tables(
                self._env, self._tables, read_only=self.read_only
            )
        except (lmdb.Error, ModelDamaged):
            self._env.close()
            raise

    @staticmethod
    def create(path: Path, tables: Mapping[str, bool]) -> None:
        """Make an environment with these tables, empty, in an existing directory."""
        with _open_files_lock, translated(path):
            allocate_lock_file(path / "lock.mdb", READERS)
            with lmdb.open(
                os.fspath(path), mode=0o640, max_dbs=len(tables) + 1, lib_version=ENGINE
            ) as env:
                _open_tables(env, tables, read_only=False)

    def begin(self) -> Reading | None:
        """A read transaction of the newest state; None once the environment is retired.

        Raises:
            ReadModelError: all reader slots are taken.
            StorageFailed: a failed write has ended the environment, and it cannot be opened again.
        """
        try:
            return self._begin()
        except lmdb.ReadersFullError:
            pass
        except lmdb.Error:
            self._revive()
        with translated(self.path):
            return self._begin(anew=True)

    def _begin(self, *, anew: bool = False) -> Reading | None:
        with self._lock:
            if self._retired:
                return None
            if anew:
                self._env.reader_check()  # killed processes keep their slots until somebody looks
            reading = Reading(self, self._env.begin())
            self._open[reading] = None
            return reading

    def _revive(self) -> None:
        """Open it again if a failed write has ended it."""
        with self._writer:
            if self._retired or self._is_alive():
                return
            for reading in list(self._open):  # not in the lock: each has its own, taken before
                reading.close()
            with self._lock, translated(self.path):
                if not self._retired:
                    self._env.close()
                    self._map()

    def _is_alive(self) -> bool:
        try:
            self._env.begin().abort()
        except lmdb.Error:
            return False
        return True

    @contextmanager
    def reading(self) -> Generator[Reading]:
        """A read transaction for a moment."""
        reading = self.begin()
        if reading is None:
            raise SnapshotExpired(f"{self.path} is closed")
        try:
            with translated(self.path):
                yield reading
        finally:
            reading.close()

    @contextmanager
    def writing(self) -> Generator[Writing]:
        """The write transaction, on one thread; leaving the block commits it.

        Raises:
            StorageFailed: nothing of it was stored, or nothing can be said; either way it may be
                tried again, since the checkpoint is part of it.
            ModelDamaged: LMDB cannot read what it is to change.
        """
        try:
            with self._writer, translated(self.path):
                txn = self._begin_to_write()
                try:
                    yield txn
                    if self._damaged:  # which `project` may have been told, and passed over
                        raise ModelDamaged(f"{self.path} is damaged and is built anew")
                    txn.commit()
                finally:
                    txn.abort()
        except ModelDamaged:
            self.note_damage()
            raise

    def note(self) -> None:
        """Note now and then that it was written, so that it opens quickly after kill -9.

        On the thread that writes. After each batch it would take a tenth of a small one's time.

        Raises:
            StorageFailed: a failed write has ended the environment, and it is not open again.
        """
        with translated(self.path):
            number = self.last_transaction()
        if self._mark and number != self._noted:
            self._mark.note()
            self._noted = number

    def note_damage(self) -> None:
        """Something in it is not what was written: nobody opens it again, in any process."""
        self._damaged = True
        with suppress(OSError):
            os.close(open_file(self.path / DAMAGED, os.O_WRONLY | os.O_CREAT))

    @property
    def is_damaged(self) -> bool:
        """Whether anybody, in whichever process, has noted damage."""
        return self._damaged or is_noted(self.path)

    def _begin_to_write(self) -> Writing:
        with suppress(lmdb.Error):
            return Writing(self, self._env.begin(write=True))
        self._revive()
        return Writing(self, self._env.begin(write=True))

    def last_transaction(self) -> int:
        """The number of the last commit, by whichever process; it takes a microsecond.

        A snapshot that begins now may still be of the one before it: LMDB lets readers see a
        commit a moment after it has written down its number.
        """
        return self._env.info()["last_txnid"]

    def expire(self, older_than: float) -> int:
        """End snapshots that have been held for so many seconds; how many it were."""
        until = monotonic() - older_than
        with self._lock:
            old = [each for each in list(self._open) if each.began < until]
        for reading in old:
            reading.close()
        return len(old)

    def oldest(self) -> float:
        """Seconds for which the oldest snapshot of this process has been held; 0 without any."""
        with self._lock:
            oldest = next(iter(self._open), None)
        return 0.0 if oldest is None else monotonic() - oldest.began

    def check_readers(self) -> int:
        """Free the slots of dead processes; how many it were."""
        with self._lock, translated(self.path):
            return self._env.reader_check()

    def oldest_reader(self) -> int | None:
        """The oldest state that any process holds a snapshot of; None without any."""
        lines = self._env.readers().splitlines()[1:]
        held = [int(line.split()[2]) for line in lines if line.split()[2:3] not in ([], ["-"])]
        return min(held, default=None)

    def size(self) -> int:
        """Bytes on the disk."""
        return (self.path / "data.mdb").stat().st_size

    def used(self) -> int:
        """Bytes of the disk that hold anything, or did lately; the rest of the file is free."""
        with self.reading() as reading:
            pages = sum(map(reading.pages, self.handles.values()))
        return pages * self._env.stat()["psize"]

    def flush(self) -> None:
        """Put everything on the disk, so that a power cut does not matter."""
        with self._writer, translated(self.path):
            self._env.sync(True)  # noqa: FBT003 - py-lmdb takes it by position

    def copy(self, path: Path) -> None:
        """Write a compact copy of the newest state into an existing directory."""
        with self._writer, translated(self.path):
            self._env.copy(os.fspath(path), compact=True)
        FileMark(path).close()

    def retire(self) -> None:
        """Begin no more snapshots, and close when the last one ends."""
        with self._lock:
            self._retired = True
            if not self._open:
                self._close()

    def close(self) -> None:
        """Close now; snapshots that are open end."""
        for reading in list(self._open):
            reading.close()
        self.retire()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._lock, self._writer = RLock(), RLock()  # the parent's threads may have held them
        self._retired = self._abandoned = True
        for reading in self._open:
            reading.leave_to_parent()
        _left_to_parent.append(self._env)
        if self._mark:
            self._mark.abandon()

    def is_at(self, path: Path) -> bool:
        """Whether it is what stands there, and nothing else does by the same name."""
        with suppress(NotReady):
            return _identity(path) == self._file
        return True

    @property
    def is_retired(self) -> bool:
        """Whether it begins no more snapshots."""
        return self._retired

    def closed(self, reading: Reading) -> None:
        """A snapshot has ended."""
        with self._lock:
            self._open.pop(reading, None)
            if self._retired and not self._open:
                self._close()

    def _close(self) -> None:
        if self._abandoned or self._closed:
            return
        self._closed = True  # once: another environment may have the file by then
        if self._mark:
            self._mark.close()
        with _open_files_lock:  # a file that is made meanwhile may get this one's inode
            self._env.close()
            _open_files.discard(self._file)


@contextmanager
def translated(path: Path) -> Generator[None]:
    """What LMDB's errors mean for whoever asked."""
    try:
        yield
    except ComityError as error:
        if type(error).__name__ in ("JournalDamaged", "NotAJournal"):  # the preflight's words
            raise ModelDamaged(str(error)) from error
        raise
    except NotOurs as error:
        raise ModelDamaged(f"{error}, or have its domain build the model anew") from error
    except _DAMAGED as error:
        raise ModelDamaged(
            f"LMDB cannot read {path}: {error}; its domain builds the model anew"
        ) from error
    except (lmdb.MapFullError, lmdb.DiskError) as error:
        raise StorageFull(f"there is no room for {path}: {error}") from error
    except lmdb.ReadersFullError as error:
        raise ReadModelError(f"all {READERS} snapshots of {path} are taken: {error}") from error
    except lmdb.Error as error:
        code = getattr(error, "code", None)
        if code in FULL:
            raise StorageFull(f"there is no room for {path}: {error}") from error
        if code == errno.ENOENT or (code != errno.EIO and not os.path.lexists(path / "data.mdb")):
            raise NotReady(f"{path} is not there, or not any more: {error}") from error
        raise StorageFailed(f"{path} could not be used: {error!r}") from error


def is_noted(generation: Path) -> bool:
    """Whether damage of a generation was noted.

    Raises:
        StorageFailed: that cannot be read now.
    """
    try:
        return look_at(generation / DAMAGED) is not None
    except OSError as error:  # of a folder that this user may not enter it says nothing
        check_looked(error)
        return False


def _open_tables(
    env: lmdb.Environment, tables: Mapping[str, bool], *, read_only: bool
) -> dict[str, Handle]:
    handles = {
        name: Handle(env.open_db(name.encode(), dupsort=several, create=not read_only), several)
        for name, several in tables.items()
    }
    for name, (table, several) in handles.items():
        if table.flags()["dupsort"] != several:
            raise ModelDamaged(f"{env.path()}: table {name} is not as it was made")
    return handles


def _sealed(entries: Sequence[Entry]) -> list[Entry]:
    # As `seal` does, at half its time.
    return [(key, value + _pack_crc(crc32(value, crc32(key)))) for key, value in entries]


def _seek(cursor: lmdb.Cursor[bytes], span: Span, after: Entry | None, *, several: bool) -> bool:
    if after is None:
        return cursor.set_range(span.low) if span.low else cursor.first()
    key, value = after
    if several and cursor.set_range_dup(key, value + b"\0"):
        return True
    return cursor.set_range(key + b"\0")


def _seek_back(
    cursor: lmdb.Cursor[bytes], span: Span, before: Entry | None, *, several: bool
) -> bool:
    bound = span.high
    if before is not None:
        bound, value = before
        if several and value and cursor.set_range_dup(bound, value):
            return cursor.prev()
        if several and value and cursor.set_key(bound):
            return cursor.last_dup()
    if bound is not None and cursor.set_range(bound):
        return cursor.prev()
    return cursor.last()


def _count(cursor: lmdb.Cursor[bytes], span: Span, *, several: bool) -> int:
    if not several:
        high = span.high
        found = cursor.set_range(span.low) if span.low else cursor.first()
        keys = cursor.iternext(keys=True, values=False) if found else ()
        return sum(1 for _ in takewhile(lambda key: high is None or key < high, keys))
    if span.high == span.low + b"\0":
        return cursor.count() if cursor.set_key(span.low) else 0
    total = 0
    found = cursor.set_range(span.low) if span.low else cursor.first()
    while found and (span.high is None or cursor.key() < span.high):
        total += cursor.count()
        found = cursor.next_nodup()
    return total


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = (path / "data.mdb").lstat()
    except OSError:
        raise NotReady(
            f"there is nothing at {path}, or not any more: ask again, or open its domain"
        ) from None
    return found.st_dev, found.st_ino
