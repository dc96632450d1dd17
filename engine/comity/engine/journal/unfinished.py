"""A journal that no domain opens: one that is being copied from another, or a backup.

A file in its folder says so. Until the copy of `comity migrate` or `comity import` is complete, no
domain and no reader opens it. A backup can be read, but not written: `comity restore` makes a
journal of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from comity.engine.errors import NotAJournal
from comity.engine.files.own_folder import flush_folder, look_at, write_file
from comity.engine.files.whole_directory import make_whole
from comity.engine.journal.journal_folder import FILES, build

UNFINISHED: Final = "unfinished"
"""The name of the file in an unfinished copy …"""
BACKUP: Final = "backup"
"""… and in a backup."""
_TEXT: Final = b"this copy of a journal is not complete: run the command that makes it again\n"


def make_unfinished(path: Path) -> None:
    """Make an empty, unfinished journal.

    Args:
        path: must not exist, or be an empty directory. Nothing happens if a journal is there.

    Raises:
        NotAJournal: no directory can be made there.
        StorageFailed: the disk is full, or failed.
    """

    def make(folder: Path) -> None:
        build(folder)
        write_file(folder / UNFINISHED, _TEXT)

    make_whole(path, make, (*FILES, UNFINISHED))


def is_unfinished(path: Path) -> bool:
    """Return whether the journal in this folder is unfinished."""
    return look_at(path / UNFINISHED) is not None


def check_finished(path: Path) -> None:
    """Refuse an unfinished journal.

    Raises:
        NotAJournal: the journal is unfinished.
    """
    if is_unfinished(path):
        raise NotAJournal(
            f"{path} is an unfinished copy of another journal: run the same command again, which "
            "goes on where it ended; until it is complete, use the other journal"
        )


def finish(path: Path) -> None:
    """Let others open the journal: from now on it is like any other."""
    (path / UNFINISHED).unlink()
    flush_folder(path)


def is_backup(path: Path) -> bool:
    """Return whether the journal in this folder is a backup."""
    return look_at(path / BACKUP) is not None


def mark_backup(folder: Path) -> None:
    """Say in a folder that the journal in it is a backup."""
    write_file(folder / BACKUP, b"a backup of a journal; `comity restore` makes a journal of it\n")


def check_no_backup(path: Path) -> None:
    """Refuse to write into a backup.

    Raises:
        NotAJournal: the journal is a backup.
    """
    if is_backup(path):
        raise NotAJournal(
            f"{path} is a backup, and nothing may be written into it: make a journal of it with "
            "`comity restore`, and open that one"
        )
