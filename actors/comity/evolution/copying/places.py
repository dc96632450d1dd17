"""The two journals of a migration: checked and opened before anything is written."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Self

from comity.engine import JournalInUse, NotAJournal, WiringError
from comity.engine.arguments import check_path
from comity.engine.files.own_folder import look_at
from comity.engine.files.writer_lock import WriterLock
from comity.engine.journal.journal_folder import real_path
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.unfinished import is_unfinished, make_unfinished
from comity.engine.runtime.system import monotonic


def places(old: str | PathLike[str], new: str | PathLike[str]) -> tuple[Path, Path]:
    """Return both paths, without links.

    Raises:
        WiringError: a journal cannot be copied from the one path to the other.
    """
    source = real_path(check_path(old, "the original's path"))
    target = real_path(check_path(new, "the copy's path"))
    if source == target:
        msg = f"the original and the copy are both {source}: give another path for the copy"
        raise WiringError(msg)
    if source in target.parents:
        msg = f"the copy {target} would be inside the original {source}: give a path outside of it"
        raise WiringError(msg)
    if target in source.parents:
        msg = f"the original {source} is inside the copy {target}: give another path for the copy"
        raise WiringError(msg)
    return source, target


@contextmanager
def opened_original(path: Path) -> Generator[LmdbJournal]:
    """Open the original for reading; its domain may have it open.

    Raises:
        NotAJournal: there is no journal.
        TooNew, JournalDamaged, StorageFailed: as `LmdbJournal.open`.
    """
    journal = LmdbJournal.open(path, read_only=True)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def opened_copy(path: Path) -> Generator[LmdbJournal]:
    """Open the copy for writing; begin one if nothing is there.

    Raises:
        NotAJournal: something else is there, or a journal that is no unfinished copy.
        JournalInUse: another migration writes it.
        StorageFailed: the disk is full, or failed, or this user has no permission.
    """
    if not _is_journal(path):
        make_unfinished(path)
    if not is_unfinished(path):
        raise NotAJournal(
            f"{path} is a journal already: either this copy is complete, or it is another journal; "
            "nothing was changed. To begin a copy, give a path where nothing is"
        )
    journal = LmdbJournal.open(path, unfinished=True, exclusive=True)
    try:
        yield journal
    finally:
        journal.close()


class OriginalLock:
    """The original's writer lock: while it is taken, nobody can open the original for writing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: WriterLock | None = None
        self.taken_at = 0.0
        """When it was taken, by the monotonic clock, in seconds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        if self._lock is not None:
            self._lock.release()

    def take(self) -> None:
        """Take the lock.

        Raises:
            JournalInUse: a domain has the original open.
            StorageFailed: the lock's file cannot be opened.
        """
        otherwise = "keep up with it by --follow (follow=True)"
        self._lock = WriterLock(self._path, otherwise=otherwise)
        self.taken_at = monotonic()

    def try_to_take(self) -> bool:
        """Take the lock; return False if a domain has the original open."""
        try:
            self.take()
        except JournalInUse:
            return False
        return True


def _is_journal(path: Path) -> bool:
    """Return whether there is a journal; False if there is nothing, or an empty directory.

    Raises:
        NotAJournal: something else is there.
    """
    try:
        if look_at(path / "data.mdb") is not None:
            return True
        if look_at(path) is not None and any(path.iterdir()):
            raise NotAJournal(f"{path} holds something else: give a path where nothing is")
    except NotADirectoryError as error:
        raise NotAJournal(
            f"{path} is a file, or inside one: give a path where nothing is"
        ) from error
    return False
