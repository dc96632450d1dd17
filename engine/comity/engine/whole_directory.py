"""Making a directory so that it is there whole or not at all. `LmdbJournal.open` uses it.

LMDB makes its files in steps and never flushes the directory: a crash in between leaves something
that it can neither open nor replace. So a journal is built beside its place, and then renamed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from comity.engine.disk import FAILED, disk_errors
from comity.engine.errors import NotAJournal

_building = Lock()


def make_whole(path: Path, build: Callable[[Path], None]) -> None:
    """Let `build` fill a new directory of mode 0700, flush it, and give it this path.

    Nothing happens if another process is first; what crashed attempts have left is removed.

    Raises:
        NotAJournal: no directory can be made there.
        StorageFailed: the disk is full, or failed.
    """
    with _building:
        aside = path.with_name(f"{path.name}.tmp-{os.getpid()}")
        try:
            _remove_leftovers(path)
            aside.mkdir(mode=0o700)
            build(aside)
            for each in (*aside.iterdir(), aside):
                _flush(each)
            aside.rename(path)
            _flush(path.parent)
        except OSError as error:
            said = f"no journal can be made at {path}"
            if error.errno in FAILED:
                with disk_errors(said):
                    raise
            if not (path / "data.mdb").exists():
                raise NotAJournal(f"{said}: {error}") from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _remove_leftovers(path: Path) -> None:
    for left in path.parent.iterdir():
        name, _, owner = left.name.rpartition(".tmp-")
        if name != path.name or not owner.isdecimal():
            continue
        # In a container, our own number may have been that of the process that crashed.
        if int(owner) == os.getpid() or not _is_alive(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
