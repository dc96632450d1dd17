"""The paths of a backup and of its journal, checked before anything is written."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from comity.engine.arguments import check_path
from comity.engine.errors import NotAJournal, WiringError
from comity.engine.files.disk import disk_errors
from comity.engine.files.own_folder import NotOurs, is_empty, is_folder, look_at
from comity.engine.journal.journal_folder import real_path
from comity.engine.journal.unfinished import check_finished, is_backup
from comity.engine.lmdb.open_files import file_in


def two_places(
    source: str | PathLike[str], target: str | PathLike[str], words: tuple[str, str]
) -> tuple[Path, Path]:
    """Return both paths, without links.

    Args:
        source: what is copied.
        target: where the copy is made.
        words: what they are called.

    Raises:
        WiringError: both are the same, or one is inside the other.
    """
    one, other = words
    here, there = (
        real_path(check_path(path, f"the path of the {word}"))
        for path, word in zip((source, target), words, strict=True)
    )
    same = file_in(here)
    if here == there or (same is not None and same == file_in(there)):
        msg = f"the {one} and the {other} are both {here}: give another path for the {other}"
        raise WiringError(msg)
    if here in there.parents:
        msg = f"the {other} {there} would be inside the {one} {here}: give a path outside of it"
        raise WiringError(msg)
    if there in here.parents:
        msg = f"the {one} {here} is inside the {other} {there}: give another path for the {other}"
        raise WiringError(msg)
    return here, there


def is_there(path: Path) -> bool:
    """Return whether a backup is at this path; False if there is nothing, or an empty folder.

    Raises:
        NotAJournal: something else is there; the text says what.
        StorageFailed: the disk cannot be read, or this user has no permission.
    """
    with disk_errors(f"{path} cannot be looked at"):
        if not is_folder(path) or look_at(path / "data.mdb") is None:
            _check_free(path, "back up to a path where nothing is, or where a backup is")
            return False
        check_finished(path)
        if not is_backup(path):
            raise NotAJournal(
                f"{path} is a journal and not a backup, and nothing was changed: back up to a path "
                "where nothing is, or where a backup is"
            )
    return True


def check_free(path: Path) -> None:
    """Check that nothing is at a path, or an empty folder.

    Raises:
        NotAJournal: something is there.
        StorageFailed: the disk cannot be read, or this user has no permission.
    """
    with disk_errors(f"{path} cannot be looked at"):
        _check_free(path, "nothing is overwritten; restore to a path where nothing is")


def _check_free(path: Path, otherwise: str) -> None:
    try:
        free = look_at(path) is None or is_empty(path)
    except NotOurs as error:
        raise NotAJournal(f"{error}; {otherwise}") from error
    except NotADirectoryError as error:
        raise NotAJournal(f"{path} is a file, or inside one: {otherwise}") from error
    if not free:
        raise NotAJournal(f"{path} holds something else: {otherwise}")
