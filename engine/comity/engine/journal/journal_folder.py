"""The folder of an LMDB journal: found or made, and checked before it is used.

`LmdbJournal.open` uses it. The folder holds data.mdb, lock.mdb, journal.lock and a mark.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from comity.engine import formats
from comity.engine.errors import JournalDamaged, NotAJournal
from comity.engine.files.file_mark import MARK, Mark
from comity.engine.files.own_folder import look_at
from comity.engine.files.whole_directory import make_whole
from comity.engine.files.writer_lock import JOURNAL_LOCK
from comity.engine.journal import commit_log as log
from comity.engine.journal import index
from comity.engine.journal.format import FORMAT_KEY, new_format, pack_format, read_format
from comity.engine.journal.lineage import Lineage
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.journal.snapshots import SNAPSHOTS
from comity.engine.lmdb.transaction import Writing

TABLES: Final[dict[str, bool]] = dict.fromkeys(
    (log.COMMITS, index.STREAMS, index.IDS, SNAPSHOTS, index.META), False
)
CHECKED_WHEN_READ: Final = frozenset(table.encode() for table in TABLES if table != index.IDS)
"""Damage in these tables is noticed when it is read. A lost command id would not be noticed."""

FILES: Final = ("data.mdb", "lock.mdb", JOURNAL_LOCK)
"""The files of a new journal."""


def real_path(path: Path) -> Path:
    """Return the path without symbolic links."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # a circle of links raises the latter
        msg = f"{path} names no place: {error}; name a directory that this program may write to"
        raise NotAJournal(msg) from error


def find_or_make(path: Path, *, make: bool) -> None:
    """Make the folder if nothing is there and `make` is set.

    Raises:
        NotAJournal: the folder holds something else, or nothing and `make` is not set.
        JournalDamaged: a journal was here, and its data.mdb is gone.
    """
    try:
        if look_at(path / "data.mdb") is not None:
            return  # the store checks this file
        names = sorted(each.name for each in path.iterdir()) if path.is_dir() else []
    except NotADirectoryError as error:
        raise NotAJournal(
            f"{path} is a file, and a journal is a directory: say another path"
        ) from error
    except OSError as error:
        raise NotAJournal(f"{path} cannot be read: {error}; give this user the right to") from error
    if "data.mdb" in names:
        return  # another process has just made the journal
    if not {JOURNAL_LOCK, "lock.mdb", MARK}.isdisjoint(names):
        raise JournalDamaged(
            f"{path} is where a journal was, and its data.mdb is not there: restore a backup"
        )
    if names:
        raise NotAJournal(
            f"{path} is a directory without a journal: it holds {names[:5]}; say another path, or "
            "restore a backup if a journal was there"
        )
    if not make:
        raise NotAJournal(
            f"there is nothing at {path}, and read_only makes no journal: say the path that its "
            "domain is opened with"
        )
    make_whole(path, build, FILES)


def build(path: Path) -> None:
    """Make the files of a new journal in an empty folder."""
    LmdbStore.create(path, TABLES, [(index.META, FORMAT_KEY, pack_format(new_format()))])
    (path / JOURNAL_LOCK).touch(mode=0o600)


def check_newest(store: LmdbStore, mark: Mark, path: Path) -> None:
    """Check that the journal holds the mark's commit: a mark is ahead only if commits are lost."""
    try:
        with store.reading() as txn:
            lost = log.head_of(txn, mark.number).crc != mark.crc
    except JournalDamaged:
        lost = True
    if lost:
        raise JournalDamaged(
            f"commit {mark.number} of {path} was durable, and is not there, or is another one: "
            "restore a backup; if an older one was restored on purpose, without its own mark, "
            f"delete {path / MARK}"
        )


def check_format(store: LmdbStore, *, unsafe: bool) -> None:
    """Check that this comity can read the journal; if `unsafe`, note that it was not flushed."""
    with store.reading() as txn:
        found = read_format(txn.get(index.META, FORMAT_KEY))
    if unsafe and found.fsync:
        with store.writing() as txn:
            txn.put(index.META, FORMAT_KEY, pack_format(found._replace(fsync=False)))


def raise_needs(txn: Writing, feature: str) -> None:
    """Name in the format record a feature that commits need."""
    found = read_format(txn.get(index.META, FORMAT_KEY))
    if feature in found.needs:
        return
    needs = {**found.needs, feature: formats.NEEDS[feature]}
    txn.put(index.META, FORMAT_KEY, pack_format(found._replace(needs=needs)))


def write_lineage(txn: Writing, lineage: Lineage) -> None:
    """Write a lineage into the format record, instead of the one that is there."""
    found = read_format(txn.get(index.META, FORMAT_KEY))
    restores = [tuple(branch) for branch in lineage.restores]
    named = found._replace(id=lineage.id, restores=restores)
    txn.put(index.META, FORMAT_KEY, pack_format(named))
