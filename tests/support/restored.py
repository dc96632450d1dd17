"""Restored copies of journals, as `comity restore` makes them, for tests of what follows one."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex
from shutil import copytree, ignore_patterns
from time import time

from comity.engine.journal.format import FORMAT_KEY, pack_format
from comity.engine.journal.index import META
from comity.engine.journal.lineage import Branch
from comity.engine.journal.lmdb_journal import LmdbJournal

_FOLLOWERS = ("models", "outlets")
_LOCAL = ("lock.mdb", "journal.lock", "board", "mark")


def back_up(path: Path, backup: Path, *, followers: bool = False) -> Path:
    """Copy a closed journal; with `followers` also its models and ledgers."""
    ignored = _LOCAL if followers else (*_FOLLOWERS, *_LOCAL)
    copytree(path, backup, ignore=ignore_patterns(*ignored), symlinks=True)
    return backup


def restore(backup: Path, path: Path) -> Branch:
    """Make a restored copy of a backup; models and ledgers that are at `path` stay there."""
    copytree(backup, path, symlinks=True, dirs_exist_ok=True)
    journal = LmdbJournal.open(path)
    restored = Branch(token_hex(8), journal.position(), journal.position(), int(time() * 1e6))
    record = journal.format._replace(restores=(*journal.format.restores, tuple(restored)))
    with journal._store.writing() as txn:  # pyright: ignore[reportPrivateUsage]
        txn.put(META, FORMAT_KEY, pack_format(record))
    journal.close()
    return restored
