"""A ledger's tables on the disk, in a folder of their own. Every write is flushed.

    outlets/Mails/
        data.mdb, lock.mdb, mark
        writer.lock        held by the program that delivers
        writer.lock-7      its lease, see `engine/sharing/epochs.py`

Unlike a read model, a ledger cannot be built again: what was delivered stands nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comity.actors.delivering.forms import EPOCH, ORIGIN, PROGRESS, Origin, Progress
from comity.actors.delivering.ledger_tables import META, NAMES, Changes
from comity.engine.errors import (
    Forked,
    LedgerDamaged,
    NotAJournal,
    OutletError,
    OutletInUse,
    StorageFailed,
)
from comity.engine.files.disk import disk_errors
from comity.engine.files.file_mark import FileMark, Mark
from comity.engine.files.own_folder import NotOurs, check_folder, look_at
from comity.engine.files.seal import is_sealed, seal, sealed_rows
from comity.engine.files.whole_directory import make_whole
from comity.engine.files.writer_lock import WriterLock
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.lmdb.meaning import Meaning

if TYPE_CHECKING:
    from comity.engine.lmdb.transaction import Writing
    from comity.engine.sharing.lease import Lease

LOCK: Final = "writer.lock"
FILES: Final = ("data.mdb", "lock.mdb", LOCK)
MEND: Final = (
    "restore a backup of it; or move it away, and say in `start` where the outlet begins again: "
    "what is delivered twice has the same id"
)
"""What to do about a damaged ledger."""

_MANY: Final = 10_000
"""Rows that are written in one transaction."""
TABLES: Final[dict[str, bool]] = dict.fromkeys(NAMES, False)
_MEANING: Final = Meaning(
    damaged=LedgerDamaged,
    foreign=LedgerDamaged,
    barred=StorageFailed,
    in_use=OutletInUse,
    crowded=StorageFailed,
    gone=LedgerDamaged,
    mend=MEND,
    find="put it back, or end this program",
)


class LedgerStore(LmdbStore):
    """The LMDB environment of a ledger."""

    meaning = _MEANING


def make_ledger(path: Path, beginning: Callable[[], tuple[Origin, Progress]]) -> None:
    """Make the folder of a new ledger, completely or not at all; nothing if there is one.

    Args:
        path: the folder.
        beginning: says where its outlet begins.

    Raises:
        LedgerDamaged: a ledger was there, and its data.mdb is gone.
        OutletError: something else is there.
        StorageFailed: the disk is full, or failed.
    """

    def build(aside: Path) -> None:
        origin, progress = beginning()
        rows = [(ORIGIN, origin.pack()), (PROGRESS, progress.pack())]
        LedgerStore.create(aside, TABLES, [(META, key, seal(key, data)) for key, data in rows])
        (aside / LOCK).touch(mode=0o600)

    with disk_errors(f"no ledger can be made at {path}"):
        if is_there(path):
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        make_whole(path, build, FILES)
    except NotAJournal as error:
        raise OutletError(f"no ledger can be made at {path}: {error.__cause__}") from error


def create_ledger(folder: Path, rows: Iterable[tuple[str, bytes, bytes]]) -> None:
    """Make the files of a ledger with these rows in an empty folder.

    Raises:
        StorageFailed: the disk is full, or failed; the folder is then unusable.
    """
    LedgerStore.create(folder, TABLES)
    (folder / LOCK).touch(mode=0o600)
    store = LedgerStore(folder, TABLES, map_size=MAP_SIZE, fsync=True, mark=None, lock=None)
    with closing(store):
        every = iter(rows)
        while some := list(islice(every, _MANY)):
            with store.writing() as txn:
                for table, key, value in some:
                    txn.put(table, key, seal(key, value))


def is_there(path: Path) -> bool:
    """Whether there is a ledger at this path.

    Raises:
        LedgerDamaged: there was one, and its data.mdb is gone.
        OutletError: something else is there.
        OSError: the disk cannot be read.
    """
    try:
        if look_at(path) is None:
            return False
        check_folder(path)
        if look_at(path / "data.mdb") is not None:
            return True
        if any(look_at(path / name) is not None for name in (*FILES, "mark")):
            raise LedgerDamaged(f"{path} is where a ledger was, and its data.mdb is gone: {MEND}")
    except NotOurs as error:
        raise OutletError(str(error)) from error
    return False


class LmdbTables:
    """The tables of a ledger in a folder.

    Args:
        path: the folder; make it with `make_ledger` first.
        read_only: only read; another process may write.
        lease: the right to deliver, which is released when the tables are closed. Then call `lead`.
            Without it, to change the ledger while nobody delivers, they take the whole lock.

    Raises:
        OutletInUse: another program has the ledger open to write; the text names it.
        LedgerDamaged: it is not what was written.
        StorageFailed: the disk is full, or failed.
    """

    def __init__(self, path: Path, *, read_only: bool = False, lease: Lease | None = None) -> None:
        self.lease = lease
        self._path = path
        self._lock: WriterLock | None = None
        if not (read_only or lease):
            self._lock = WriterLock(path, LOCK, OutletInUse, "try again when that one has ended")
        try:
            self._store = LedgerStore(
                path,
                TABLES,
                map_size=MAP_SIZE,
                fsync=True,
                mark=Mark.read(path),
                lock=path / LOCK if read_only else None,
            )
        except BaseException:
            self._release()
            raise
        self._mark = None if read_only else FileMark(path)
        self._failed = False

    def lead(self) -> int:
        """Write the epoch of the lease, so that an earlier leader can write nothing any more.

        It waits while a program that hangs is in the middle of a write.

        Returns:
            0; or the epoch that is there, if it is not smaller: then take a lease above it.
        """
        assert self.lease is not None
        with self._store.writing() as txn:
            there = self._epoch(txn)
            if there >= self.lease.epoch:
                return there
            epoch = self.lease.epoch.to_bytes(8, "big")
            txn.put_all(META, [(EPOCH, seal(EPOCH, epoch))])
        return 0

    def _epoch(self, txn: Writing) -> int:
        there = txn.get(META, EPOCH)
        return 0 if there is None else int.from_bytes(self._unsealed(EPOCH, there), "big")

    def get(self, table: str, key: bytes) -> bytes | None:
        """See `Tables.get`."""
        with self._store.reading() as txn:
            value = txn.get(table, key)
            return None if value is None else self._unsealed(key, value)

    def rows(
        self, table: str, start: bytes, prefix: bytes, most: int
    ) -> Sequence[tuple[bytes, bytes]]:
        """See `Tables.rows`."""
        found: list[tuple[bytes, bytes]] = []
        with self._store.reading() as txn:
            for key, value in txn.rows(table, start):
                if len(found) >= most or not key.startswith(prefix):
                    break
                found.append((key, self._unsealed(key, value)))
        return found

    def every(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Read all rows of all tables as they are at one moment: the table, the key, the value.

        It holds a transaction until the last row is read, and the file grows meanwhile.
        """
        with self._store.reading() as txn:
            for table in NAMES:
                for key, value in txn.rows(table):
                    yield table, key, self._unsealed(key, value)

    def write(self, changes: Changes) -> None:
        """See `Tables.write`. The changes may be made twice, so a failed write is just repeated."""
        if self._failed:
            self._store.reopen()
        self._failed = True
        with self._store.writing() as txn:
            if self.lease is not None and self._epoch(txn) != self.lease.epoch:
                raise OutletInUse(f"another program has taken {self._path} over")
            for table, rows in changes.items():
                for key in (key for key, value in rows.items() if value is None):
                    txn.delete(table, key, 1)
                kept = [(key, value) for key, value in rows.items() if value is not None]
                txn.put_all(table, sealed_rows(kept))
        self._failed = False
        if self._mark:
            self._mark.note()

    def check_place(self) -> None:
        """See `Tables.check_place`."""
        self._store.check_place()

    def close(self) -> None:
        """See `Tables.close`."""
        self._store.close()
        mark, self._mark = self._mark, None
        if mark and self.lease is not None and not self.lease.held():
            mark.abandon()  # it is another program's now
        elif mark:
            mark.close()
        self._release()

    def kill(self) -> None:
        """See `Tables.kill`."""
        if self._mark:
            self._mark.abandon()
        self._mark = None
        self.close()

    def abandon(self) -> None:
        """See `Tables.abandon`."""
        self._store.abandon(Forked("this process is a fork of the one that delivers"))
        if self._mark:
            self._mark.abandon()
        for held in (self._lock, self.lease):
            if held:
                held.abandon()

    def _unsealed(self, key: bytes, value: memoryview) -> bytes:
        if not is_sealed(key, value):
            raise LedgerDamaged(f"{self._path} is not what was written, at {key!r}: {MEND}")
        return bytes(value[:-4])

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        for held in (lock, self.lease):
            if held:
                held.release()
