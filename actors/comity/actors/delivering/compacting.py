"""Gives back the room that delivered events have left in an outlet's ledger.

Rows that are delivered are deleted, and their pages are used again. Only when nobody delivers can
the file be made smaller: nothing else could build a ledger again, so no other program may write it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from comity.actors.delivering.lmdb_tables import LOCK, TABLES, LedgerStore
from comity.engine.compacting.compact_copy import CompactCopy, Shrunk
from comity.engine.compacting.progress import Show
from comity.engine.errors import OutletInUse
from comity.engine.files.file_mark import Mark
from comity.engine.files.writer_lock import WriterLock
from comity.engine.lmdb.environment import Room
from comity.engine.lmdb.library import MAP_SIZE


def room_of_ledger(path: Path) -> Room:
    """Return the room of a ledger, which a program may be writing.

    Raises:
        LedgerDamaged, StorageFailed: it cannot be read.
    """
    store = _open(path, lock=path / LOCK)
    try:
        return store.room()
    finally:
        store.close()


def compact_ledger(
    path: Path, show: Show | None = None, stop: Callable[[], bool] | None = None
) -> Shrunk:
    """Put a compact copy of a ledger in its place, while nobody delivers.

    Raises:
        OutletInUse: a program delivers; the text names it. Nothing is changed.
        StorageFull: there is no room for the copy. Nothing is changed.
        LedgerDamaged, StorageFailed: it cannot be read, or the disk failed.
        Stopped: `stop` said so; nothing is changed.
    """
    lock = WriterLock(path, LOCK, OutletInUse, "run this again when that one has ended")
    try:
        store = _open(path, lock=None)
        try:
            return CompactCopy(store, TABLES, show, stop).swap()
        finally:
            store.close()
    finally:
        lock.release()


def _open(path: Path, lock: Path | None) -> LedgerStore:
    return LedgerStore(path, TABLES, map_size=MAP_SIZE, fsync=True, mark=Mark.read(path), lock=lock)
