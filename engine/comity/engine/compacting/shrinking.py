"""Gives the free room of a journal's file back to the file system while its domain is closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from comity.engine.compacting.compact_copy import CompactCopy, Shrunk
from comity.engine.compacting.progress import Show
from comity.engine.files.disk import disk_errors
from comity.engine.journal import commit_log as log
from comity.engine.journal.journal_folder import TABLES, find_or_make
from comity.engine.journal.lmdb_opening import open_files
from comity.engine.journal.unfinished import check_finished, check_no_backup
from comity.engine.lmdb.library import MAP_SIZE


def shrink(path: Path, show: Show | None = None, stop: Callable[[], bool] | None = None) -> Shrunk:
    """Put a compact copy of data.mdb in its place. Nobody may have the journal open.

    Raises:
        JournalInUse: somebody has it open; the text says who. Nothing is changed.
        StorageFull: there is no room for the copy. Nothing is changed.
        StorageFailed, JournalDamaged, NotAJournal, TooNew: as `LmdbJournal.open`.
        Stopped: `stop` said so; nothing is changed.
    """
    with disk_errors(f"no journal can be opened at {path}"):
        find_or_make(path, make=False)
        check_finished(path)
        check_no_backup(path)
    files = open_files(path, map_size=MAP_SIZE, fsync=True, read_only=False, exclusive=True)
    try:
        with files.store.reading() as txn:
            last = log.head_of(txn, int.from_bytes(txn.last_key(log.COMMITS)))
        return CompactCopy(files.store, TABLES, show, stop).swap(last.number, last.crc)
    finally:
        files.release()
