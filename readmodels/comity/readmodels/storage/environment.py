"""A generation's tables as one LMDB environment: long-lived snapshots and a single writer.

Flushing is off, because a model can be built again; `power_mark` recognises a power cut. A failed
write that ends the environment also ends its open snapshots.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from comity.engine.errors import ModelDamaged, SnapshotExpired, StorageFailed
from comity.engine.files.file_mark import FileMark, Mark
from comity.engine.lmdb import open_files
from comity.engine.lmdb.environment import LmdbEnvironment
from comity.engine.lmdb.library import MAP_SIZE, LmdbError, Transaction
from comity.engine.runtime.system import RLock, monotonic, pause
from comity.readmodels.storage.damage_mark import is_noted, note_damaged
from comity.readmodels.storage.meaning import MODEL
from comity.readmodels.storage.reading import Reading
from comity.readmodels.storage.writing import Writing


class Environment(LmdbEnvironment[bytes]):
    """The tables of one generation of a model, in a directory of its own.

    The arguments are those of `LmdbEnvironment`.

    Raises:
        ModelInUse: this process has the environment open already.
        ModelDamaged: its files are not as they were written.
        NotReady: its files are missing or incomplete.
    """

    meaning = MODEL
    mode = 0o640

    def __init__(
        self,
        path: Path,
        tables: Mapping[str, bool],
        *,
        map_size: int = MAP_SIZE,
        read_only: bool = False,
        lock: Path | None = None,
    ) -> None:
        # Reentrant: the garbage collector may close a forgotten snapshot while this is held.
        self._lock = RLock()
        self._open: dict[Reading, float] = {}  # snapshot: start time, oldest first
        self._retired = False
        self._damaged = False
        super().__init__(
            path,
            tables,
            map_size=map_size,
            fsync=False,
            read_only=read_only,
            mark=Mark.read(path),
            lock=lock,
        )
        self._mark = None if read_only else FileMark(path)
        self._noted = -1
        self.note()

    # --- snapshots ------------------------------------------------------------------------------

    def begin(self) -> Reading | None:
        """Begin a read transaction of the newest state; None if the environment is retired.

        Raises:
            ReadModelError: all reader slots are taken.
            StorageFailed: a failed write has ended the environment, and it cannot be opened again.
        """
        with self._lock:
            if self._retired:
                return None
            try:
                txn: Transaction | None = self._env.begin()
            except LmdbError:
                txn = self.transaction()
            if txn is not None:
                reading = Reading(self, txn)
                self._open[reading] = monotonic()
                return reading
        self.revive()
        return self.begin()

    @contextmanager
    def reading(self) -> Generator[Reading]:
        """A short read transaction, which ends with the block.

        Raises:
            SnapshotExpired: the environment is retired.
        """
        reading = self.begin()
        if reading is None:
            raise SnapshotExpired(f"{self.path} is closed")
        try:
            with self.meaning.told(self.path):
                yield reading
        finally:
            reading.close()

    def ended(self, reading: Reading) -> None:
        """Note that a snapshot has ended; the last one closes a retired environment."""
        with self._lock:
            self._open.pop(reading, None)
            if self._retired and not self._open:
                self._close()

    def expire(self, older_than: float) -> int:
        """End snapshots that were held for more than `older_than` seconds; returns how many."""
        until = monotonic() - older_than
        with self._lock:
            began = self._open.copy()  # in one step: the garbage collector may close snapshots
        return self._end([reading for reading, at in began.items() if at < until])

    def oldest(self) -> float:
        """How many seconds this process has held its oldest snapshot; 0 without snapshots."""
        with self._lock:
            began = next(iter(self._open.values()), None)
        return 0.0 if began is None else monotonic() - began

    def write_from_now_on(self, patience: float) -> None:
        """Open the files again to write, since the process that wrote them has ended.

        New snapshots wait meanwhile. Open ones end: LMDB opens no file twice in one process. They
        get `patience` seconds, which is longer than an answer takes. Does nothing to files that
        are open to write.

        Raises:
            StorageFailed: the files cannot be opened; you may try again.
        """
        if self.read_only:
            with self.gate.alone(), self._lock:
                until = monotonic() + patience
                while any(each.is_open for each in list(self._open)) and monotonic() < until:
                    pause(0.0005)
                self.read_only = False
                try:
                    self._reopen()
                except BaseException:
                    self.read_only = True
                    raise
        if self._mark is None:
            self._mark = FileMark(self.path)
        self.note()

    def oldest_reader(self) -> int | None:
        """The transaction number of the oldest snapshot in any process; None without snapshots."""
        lines = self._env.readers().splitlines()[1:]
        held = [int(line.split()[2]) for line in lines if line.split()[2:3] not in ([], ["-"])]
        return min(held, default=None)

    def _snapshots(self) -> list[Reading]:
        with self._lock:
            return list(self._open)

    def _end(self, snapshots: list[Reading]) -> int:
        for reading in snapshots:  # outside the lock: a snapshot's own lock must be taken first
            reading.close()
        return len(snapshots)

    # --- writing --------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Generator[Writing]:
        """The write transaction, on one thread; leaving the block commits it.

        Raises:
            StorageFailed: nothing was stored, or it is unknown whether it was; either way the
                caller may try again, since the checkpoint is part of the transaction.
            ModelDamaged: LMDB cannot read the data that it is to change.
        """
        try:
            with self.gate, self.meaning.told(self.path):
                writing = self._begin_to_write()
                if writing is not None:
                    try:
                        yield writing
                        if self._damaged:  # `project` may have caught `ModelDamaged`
                            raise ModelDamaged(f"{self.path} is damaged and is built anew")
                        writing.commit()
                    finally:
                        writing.abort()
                    return
        except ModelDamaged:
            self.note_damage()
            raise
        self.revive()
        if self._retired:
            raise StorageFailed(f"{self.path} is closed")
        with self.writing() as writing:
            yield writing

    def _begin_to_write(self) -> Writing | None:
        txn = self.transaction(write=True)
        return None if txn is None else Writing(self, txn)

    def last_transaction(self) -> int:
        """The number of the last commit of any process; the call takes a microsecond.

        A snapshot that begins now may still show the commit before: LMDB shows a commit to readers
        a moment after it has written the commit's number.
        """
        return self._env.info()["last_txnid"]

    def note(self) -> None:
        """Update the mark after writes, so that the environment opens quickly after kill -9.

        Call it now and then on the writing thread. Calling it after each batch would cost a tenth
        of a small batch's time.

        Raises:
            StorageFailed: a failed write has ended the environment, and it is not open again.
        """
        with self.meaning.told(self.path):
            number = self.last_transaction()
        if self._mark and number != self._noted:
            self._mark.note()
            self._noted = number

    def note_damage(self) -> None:
        """Mark the generation as damaged, so that no process opens it again."""
        self._damaged = True
        note_damaged(self.path)

    @property
    def is_damaged(self) -> bool:
        """Whether any process has marked the generation as damaged."""
        return self._damaged or is_noted(self.path)

    def flush(self) -> None:
        """Flush everything to the disk, so that a power cut does no harm."""
        with self.gate, self.meaning.told(self.path):
            self._env.sync(True)  # noqa: FBT003 - py-lmdb takes it by position

    def copy(self, path: Path) -> None:
        """Write a compact copy of the newest state into an existing directory."""
        with self.gate, self.meaning.told(self.path):
            self._env.copy(os.fspath(path), compact=True)
        FileMark(path).close()

    def used(self) -> int:
        """How many bytes hold data, or did recently; the rest of the file is free."""
        with self.reading() as reading:
            pages = sum(map(reading.pages, self.handles.values()))
        return pages * self._env.stat()["psize"]

    # --- its end --------------------------------------------------------------------------------

    def retire(self) -> None:
        """Begin no more snapshots, and close when the last one ends."""
        with self._lock:
            self._retired = True
            if not self._open:
                self._close()

    @property
    def is_retired(self) -> bool:
        """Whether it begins no more snapshots."""
        return self._retired

    def close(self) -> None:
        """Close now, and end the open snapshots."""
        self._end(self._snapshots())
        self.retire()

    def kill(self) -> None:
        """Close as a killed process does, without a last mark. For simulations."""
        if self._mark:
            self._mark.abandon()
            self._mark = None
        self.close()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._lock = RLock()  # the parent's threads may have held it
        self._retired = True
        for reading in self._open:
            reading.leave_to_parent()
        self.leave_to_parent()
        if self._mark:
            self._mark.abandon()

    def is_at(self, path: Path) -> bool:
        """Whether the file at `path` is this environment's, or there is no file."""
        return open_files.file_in(path) in (self._file, None)

    def _close(self) -> None:
        if self._mark and self._is_open:
            self._mark.close()
        super().close()

    def _reopen(self) -> None:
        self._end(self._snapshots())
        with self._lock:
            if not self._retired:
                super()._reopen()
