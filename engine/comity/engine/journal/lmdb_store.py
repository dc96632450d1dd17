"""The tables of a journal in LMDB: short transactions, one writer, and errors of commits.

`LmdbJournal` and its index use it; they see tables, keys and values, and never LMDB itself. The
ledgers of outlets use it, too, with errors of their own.

A write transaction begins and ends in one `with` block on one thread: ended on another thread, it
would keep LMDB's writer lock for ever. Read transactions are also short, because an open one makes
the file grow. After its end, its memoryviews are invalid, and their use is not detected.
"""

from __future__ import annotations

from collections.abc import Container, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from comity.engine.errors import (
    Closed,
    ComityError,
    JournalDamaged,
    JournalInUse,
    NotAJournal,
    NotExecuted,
    OutcomeUnknown,
    StorageFailed,
)
from comity.engine.files.disk import disk_errors
from comity.engine.files.file_mark import Mark
from comity.engine.lmdb import open_files
from comity.engine.lmdb.environment import LmdbEnvironment
from comity.engine.lmdb.library import LmdbError
from comity.engine.lmdb.meaning import Meaning, is_full
from comity.engine.lmdb.transaction import Reading, Writing
from comity.engine.runtime.system import monotonic, this_thread
from comity.engine.sharing.member import Member

JOURNAL: Final = Meaning(
    damaged=JournalDamaged,
    foreign=NotAJournal,
    barred=StorageFailed,
    in_use=JournalInUse,
    crowded=StorageFailed,
    gone=StorageFailed,
    mend="restore a backup",
    find="put it back, or end this program",
)

_LOOK_SECONDS: Final = 1.0
_GIVE_WAY: Final = 0.005
"""Seconds that a process which has just written waits for those that waited meanwhile."""


class LmdbStore(LmdbEnvironment[memoryview]):
    """A journal's environment.

    Args:
        lock: the writer's lock file, if others may hold it; None if the caller has it alone.
        read_only: whether only to read; by default with a `lock`.

    The other arguments, and the errors, are those of `LmdbEnvironment`.
    """

    meaning = JOURNAL
    mode = 0o600
    views = True

    def __init__(
        self,
        path: Path,
        tables: Mapping[str, bool],
        *,
        map_size: int,
        fsync: bool,
        mark: Mark | None,
        lock: Path | None,
        read_only: bool | None = None,
        unsealed: Container[bytes] = (),
    ) -> None:
        self.member: Member | None = None
        """Says to the other processes who waits and who writes; set by a shared journal."""
        self._wrote = 0
        """The number of the last transaction that was committed here."""
        self._gone: NotExecuted | None = None
        self._looked = monotonic()
        self._writing: Writing | None = None
        """The write transaction, while one is open …"""
        self._writer = 0
        """… and the thread that has begun it."""
        self._lock_file: open_files.File | None = None
        super().__init__(
            path,
            tables,
            map_size=map_size,
            fsync=fsync,
            read_only=lock is not None if read_only is None else read_only,
            mark=mark,
            lock=lock,
            unsealed=unsealed,
        )

    @contextmanager
    def reading(self) -> Generator[Reading]:
        """Begin a read transaction, on any thread; leaving the block ends it.

        The thread that writes reads in its write transaction: it must not enter the gate twice.

        Raises:
            StorageFailed: all reader slots are taken, or the files cannot be opened again.
            JournalDamaged: LMDB cannot read the data.
        """
        written = self._writing
        if written is not None and self._writer == this_thread():
            try:
                yield written
            except LmdbError as error:
                raise self.meaning.of(error, self.path) from error
            return
        with self.gate:
            self.check_open()
            txn = self.transaction()
            if txn is not None:
                try:
                    yield Reading(txn, self.handles)
                except LmdbError as error:
                    raise self.meaning.of(error, self.path) from error
                finally:
                    txn.abort()
                return
        self.revive()
        with self.reading() as reading:
            yield reading

    @contextmanager
    def writing(self) -> Generator[Writing]:
        """Begin the write transaction, on one thread only; leaving the block commits it.

        Inside `writing_early` it is the transaction that was begun there.

        Raises:
            StorageFailed: nothing of the transaction is stored.
            JournalDamaged: nothing is stored; LMDB cannot read the data to change.
            OutcomeUnknown: the transaction may be stored; `reopen`, then read.
        """
        txn = self._writing or self._begin_to_write()
        try:
            try:
                yield txn
            except ComityError:
                txn.abort()
                raise
            except Exception as error:
                txn.abort()
                raise self._not_stored(error) from error
            except BaseException:
                txn.abort()
                raise
            self._commit(txn)
        finally:
            self._end_to_write()

    @contextmanager
    def writing_early(self) -> Generator[Writing]:
        """Begin the write transaction that the first `writing` inside the block uses and ends.

        Until then no other process can commit, and `reading` on this thread reads in it. Raises
        the errors of `writing`.
        """
        txn = self._begin_to_write()
        try:
            yield txn
        finally:
            if self._writing is txn:
                txn.abort()
                self._end_to_write()

    def _begin_to_write(self) -> Writing:
        self.check_open()
        if monotonic() - self._looked > _LOOK_SECONDS:
            self.check_place()
            self._looked = monotonic()
        self.gate.enter()  # a reader opens a failed environment again after this
        try:
            txn = self._writing = self._next_writing()
        except BaseException:
            self.gate.leave()
            raise
        self._writer = this_thread()
        return txn

    def _next_writing(self) -> Writing:
        """Begin the write transaction when it is this process's turn."""
        member = self.member
        if member is None:
            return self._new_writing()
        if self.newest() == self._wrote:  # else another process had its turn
            member.give_way(_GIVE_WAY)
        member.waiting()
        try:
            txn = self._new_writing()
        except BaseException:
            member.released()
            raise
        member.holding()
        return txn

    def _end_to_write(self) -> None:
        self._writing, self._writer = None, 0
        if self.member is not None:
            self.member.released()
        self.gate.leave()

    def _new_writing(self) -> Writing:
        try:
            txn = self.transaction(write=True)
        except MemoryError as error:
            raise self._not_stored(error) from error
        if txn is None:  # `recover` opens it again, and reads what is stored
            raise StorageFailed(f"a failed write has ended {self.path}, until it is opened again")
        return Writing(txn, self.handles)

    def _commit(self, txn: Writing) -> None:
        number = txn.number
        try:
            txn.commit()
            self._wrote = number
        except Exception as error:
            # A full disk fails before the meta page is written, or ends the environment.
            txn.abort()
            if is_full(error) and self.is_alive():
                raise self._not_stored(error) from error
            raise OutcomeUnknown(f"a commit of {self.path} failed midway: {error}") from error

    def _not_stored(self, error: Exception) -> ComityError:
        if isinstance(error, LmdbError | OSError):
            return self.meaning.of(error, self.path)
        return StorageFailed(f"{self.path} could not be written: {error!r}")

    def check_place(self) -> None:
        """See `LmdbEnvironment.check_place`. It checks lock.mdb, too.

        A process that opened another lock.mdb would not wait for this one to finish writing.
        """
        super().check_place()
        if open_files.file_in(self.path, "lock.mdb") != self._lock_file:
            raise self.meaning.gone(
                f"lock.mdb of {self.path} was moved or deleted while it was open, and nothing more "
                "is written: end all programs that have it open, and begin them again"
            )

    def _map(self) -> None:
        super()._map()
        self._lock_file = open_files.file_in(self.path, "lock.mdb")

    def _reopen(self) -> None:
        self.check_open()
        try:
            super()._reopen()
        except ComityError as error:
            raise StorageFailed(f"{self.path} cannot be opened again: {error}") from error

    def maintain(self) -> None:
        """Free the reader slots of dead processes. Call it about every ten seconds."""
        self.check_open()
        with suppress(ComityError):
            self.check_readers()

    def size(self) -> int:
        """See `LmdbEnvironment.size`.

        Raises:
            StorageFailed: the size cannot be read now.
        """
        self.check_open()
        with disk_errors(f"how large the data of {self.path} are cannot be told"):
            return super().size()

    def close(self) -> None:
        """Wait for the current readers, then close. Closing twice is harmless."""
        if self._gone is None:
            with self.gate.alone():
                self._gone = Closed(f"{self.path} is closed")
                super().close()

    def abandon(self, reason: NotExecuted) -> None:
        """Raise `reason` at every later call, and touch nothing: for a forked child."""
        self._gone = reason
        self.leave_to_parent()

    def check_open(self) -> None:
        """Raise `Closed` after `close`, or after `abandon` its reason."""
        if self._gone is not None:
            raise type(self._gone)(*self._gone.args)
