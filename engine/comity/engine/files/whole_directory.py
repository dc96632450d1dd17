"""Makes a directory as a whole or not at all. `LmdbJournal.open` uses it.

LMDB makes its files in steps and never flushes the directory: a crash in between leaves files that
it can neither open nor replace. So a journal is built beside its final path, and then renamed.

A process that builds holds a lock on the directory. A directory without a lock is a leftover of a
crash; names do not matter.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from comity.engine.errors import NotAJournal
from comity.engine.files.disk import FAILED, disk_errors
from comity.engine.files.own_folder import FRESH, flush_folder, fresh, is_folder
from comity.engine.runtime.system import Lock

_building = Lock()


def make_whole(path: Path, build: Callable[[Path], None], files: Sequence[str]) -> None:
    """Let `build` fill a new directory of mode 0700, flush it, and rename it to `path`.

    Does nothing if another process is first. Leftovers of crashed attempts are removed.

    Args:
        path: must not exist, or be an empty directory.
        build: called with the new directory; fills it.
        files: the names of the files that `build` makes, also in folders inside, such as
            `outlets/Mails/data.mdb`; no others are ever removed.

    Raises:
        NotAJournal: no directory can be made there.
        StorageFailed: the disk is full, or failed.
    """
    with _building:
        _remove_leftovers(path, files)
        try:
            aside, held = _begin(path, files)
            try:
                build(aside)
                for name in (*files, *_folders(files)):
                    _flush(aside / name)
                flush_folder(aside)
                aside.rename(path)
                flush_folder(path.parent)
            finally:
                _remove(aside, files)
                os.close(held)
        except OSError as error:
            said = f"no journal can be made at {path}"
            if error.errno in FAILED:
                with disk_errors(said):
                    raise
            if not (path / "data.mdb").exists():
                if not path.parent.exists():
                    raise NotAJournal(
                        f"{said}: make the parent folder {path.parent} first"
                    ) from error
                raise NotAJournal(
                    f"{said}: {error}; make the parent folder, or give this user the right to "
                    "write there"
                ) from error


def _begin(path: Path, files: Sequence[str]) -> tuple[Path, int]:
    """A new directory beside the final path, and the lock on it."""
    while True:
        aside = path.with_name(f"{path.name}.unfinished-{fresh()}")
        aside.mkdir(mode=0o700)
        try:
            held = _lock(aside)
        except (BlockingIOError, FileNotFoundError):
            continue  # another process removed it as a leftover before it was locked
        except OSError:
            _remove(aside, files)
            raise
        if is_folder(aside):
            return aside, held
        os.close(held)


def _remove_leftovers(path: Path, files: Sequence[str]) -> None:
    form = re.compile(rf"{re.escape(path.name)}\.unfinished-{FRESH}")
    with suppress(OSError):  # a new one can be made beside them
        for left in path.parent.iterdir():
            if form.fullmatch(left.name):
                with suppress(OSError):
                    held = _lock(left)
                    _remove(left, files)
                    os.close(held)


def _lock(folder: Path) -> int:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise
    return held


def _remove(folder: Path, files: Sequence[str]) -> None:
    """Remove an unfinished directory, unless it holds other files."""
    if not is_folder(folder):
        return
    inside = [name for name in _folders(files) if is_folder(folder / name)]
    for name in files:
        with suppress(OSError):
            (folder / name).unlink()
    for each in (*(folder / name for name in inside), folder):
        with suppress(OSError):
            each.rmdir()


def _folders(files: Sequence[str]) -> list[str]:
    """The folders inside in which the files are, the deepest first."""
    inside = {str(each) for name in files for each in Path(name).parents}
    return sorted(inside - {"."}, key=lambda name: -name.count("/"))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
