"""A snapshot of a model's tables: one state of all tables, for any thread, until it is closed.

Each value ends in a checksum of the value and its key. Reading checks it (decision 12).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from zlib import crc32

from comity.engine.errors import ComityError, ModelDamaged, SnapshotExpired
from comity.engine.files.seal import CRC_BYTES, SOUND, seal
from comity.engine.lmdb import open_files
from comity.engine.lmdb.library import Handle, LmdbError, Transaction
from comity.engine.lmdb.span import Entry, Span, count_in, entries_in
from comity.engine.runtime.system import Lock
from comity.readmodels.storage.meaning import MODEL


class Tables(Protocol):
    """The tables that a snapshot reads."""

    path: Path
    handles: Mapping[str, Handle]

    def ended(self, reading: Reading) -> None:
        """Note that a snapshot has ended."""
        ...

    def note_damage(self) -> None:
        """Note that the tables are damaged."""
        ...


class Reading:
    """A read transaction.

    Each call takes the snapshot's lock: LMDB crashes the process if one thread ends a transaction
    while another thread reads in it.
    """

    __slots__ = ("_lock", "_tables", "_txn", "handles")

    def __init__(self, tables: Tables, txn: Transaction) -> None:
        self._tables = tables
        self._txn: Transaction | None = txn
        self._lock = Lock()
        self.handles = tables.handles

    @property
    def path(self) -> Path:
        """The folder of the tables."""
        return self._tables.path

    def get(self, handle: Handle, key: bytes) -> bytes | None:
        """The value of a key, or None; in an index, its first value."""
        with self._lock:
            txn = self._txn if self._txn is not None else self._open()
            try:
                data = txn.get(key, None, handle.table)
            except LmdbError as error:
                raise self._meaning(error) from error
        if data is None:
            return None
        if crc32(key + data) != SOUND:
            raise self._unsound(key)
        return data[:-CRC_BYTES]

    def get_many(self, handle: Handle, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """The value of each key, or None."""
        with self._lock:
            get, table = self._open().get, handle.table
            try:
                found = [
                    data[:-CRC_BYTES]
                    for key in keys
                    if (data := get(key, None, table)) and crc32(key + data) == SOUND
                ]
            except LmdbError as error:
                raise self._meaning(error) from error
        if len(found) == len(keys):
            return found
        return [self.get(handle, key) for key in keys]  # a value is missing or damaged

    def entries(
        self, handle: Handle, span: Span, limit: int, *, after: Entry | None, backwards: bool
    ) -> list[Entry]:
        """Up to `limit` entries of the span, after (`backwards`: before) the entry `after`."""
        if after is not None and handle.several:
            after = after[0], seal(*after)
        with self._lock:
            txn = self._open()
            try:
                entries = entries_in(txn, handle, span, limit, after=after, backwards=backwards)
            except LmdbError as error:
                raise self._meaning(error) from error
        bare = [(key, data[:-CRC_BYTES]) for key, data in entries if crc32(key + data) == SOUND]
        if len(bare) < len(entries):
            raise self._unsound(entries[0][0])
        return bare

    def count(self, handle: Handle, span: Span) -> int:
        """The number of entries in the span; fast for a whole table and for one key of an index."""
        with self._lock:
            txn = self._open()
            try:
                return count_in(txn, handle, span)
            except LmdbError as error:
                raise self._meaning(error) from error

    def pages(self, handle: Handle) -> int:
        """The number of pages of a table."""
        with self._lock:
            stat = self._open().stat(handle.table)
            return stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]

    def close(self) -> None:
        """End the snapshot. Closing twice is harmless."""
        if not self.is_open:
            return
        with self._lock:
            txn, self._txn = self._txn, None
            if txn is not None:
                txn.abort()
                self._tables.ended(self)

    @property
    def number(self) -> int:
        """The number of the commit that the snapshot shows."""
        with self._lock:
            return self._open().id()

    @property
    def is_open(self) -> bool:
        """Whether the snapshot can still be read."""
        return self._txn is not None

    def leave_to_parent(self) -> None:
        """In a forked child: forget the transaction without ending it."""
        open_files.leave_to_parent(self._txn)
        self._txn = None

    def damaged(self, reason: str) -> ModelDamaged:
        """Note the damage, so that the projector builds the model anew; returns the error."""
        self._tables.note_damage()
        return ModelDamaged(f"{self._tables.path} is damaged and is built anew: {reason}")

    def _unsound(self, key: bytes) -> ModelDamaged:
        return self.damaged(f"what stands at {key!r}, or after that, is not what was written")

    def _meaning(self, error: LmdbError) -> ComityError:
        meant = MODEL.of(error, self._tables.path)
        return self.damaged(str(meant)) if isinstance(meant, ModelDamaged) else meant

    def _open(self) -> Transaction:
        if self._txn is None:
            raise SnapshotExpired(
                "this snapshot is closed, or was held past its deadline: read again, and hold it "
                "in a `with` block no longer than an answer takes"
            )
        return self._txn
