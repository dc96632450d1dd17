"""An unfinished journal: one that is being copied from another. `comity migrate` and
`comity import` make it.

A file in its folder says so. Until the copy is complete, no domain and no reader opens the journal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from comity.engine.errors import NotAJournal
from comity.engine.files.own_folder import flush_folder, look_at, write_file
from comity.engine.files.whole_directory import make_whole
from comity.engine.journal.journal_folder import FILES, build

UNFINISHED: Final = "unfinished"
"""The name of the file."""
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
