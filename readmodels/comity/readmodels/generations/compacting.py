"""Gives back the room that deleted rows have left in a model: a compact copy answers instead.

The process that leads the model makes the copy. If nobody leads it, the caller does. `comity
compact` uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from comity.engine.errors import ReadModelError
from comity.engine.lmdb.environment import Room
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.runtime.system import monotonic, pause
from comity.engine.sharing.lease import Lease
from comity.readmodels.generations.model_folder import (
    ModelFolder,
    describe,
    open_generation,
    put_away,
)

SAVED: Final = 1 << 20
"""Bytes that must be free in a file before it pays to copy it."""
PATIENCE: Final = 60.0
"""Seconds for which a leader may make no copy."""
_LOOK: Final = 0.05


def room_of(folder: ModelFolder) -> Room | None:
    """Return the room of the generation that answers; None if there is none.

    Raises:
        ReadModelError: it cannot be read.
    """
    current = folder.current()
    if current is None:
        return None
    environment = open_generation(current, describe(current).tables, map_size=MAP_SIZE)
    try:
        return environment.room()
    finally:
        environment.close()


def compact_model(
    folder: ModelFolder, stop: Callable[[], bool] | None = None, patience: float = PATIENCE
) -> None:
    """Let a compact copy answer, beside all that read the model.

    Args:
        folder: the model's folder.
        stop: whether to wait no longer for the leader.
        patience: seconds after which the leader has not answered.

    Raises:
        ReadModelError: the leader makes no copy, or the file cannot be read.
        StorageFailed: the disk is full, or failed; the old file answers.
    """
    lease = folder.lease()
    if lease is None:
        _ask_leader(folder, stop, patience)
        return
    try:
        _compact_alone(folder, lease)
    finally:
        lease.release()


def _compact_alone(folder: ModelFolder, lease: Lease) -> None:
    old = folder.current()
    if old is None:
        return
    tables = describe(old, locked=True).tables
    environment = open_generation(old, tables, map_size=MAP_SIZE, locked=True)
    try:
        if environment.room().free < SAVED:
            return
        copy = folder.copy(environment)
    finally:
        environment.close()
    try:
        put_away(open_generation(copy, tables, map_size=MAP_SIZE, read_only=False, locked=True))
        _check_held(lease, folder)
        folder.swap(copy)
    except BaseException:
        _discard(folder, copy)
        raise
    folder.discard(old)


def _check_held(lease: Lease, folder: ModelFolder) -> None:
    if not lease.held():
        raise ReadModelError(f"another program leads {folder.path} since: run this again")


def _discard(folder: ModelFolder, copy: Path) -> None:
    if folder.current() != copy:
        folder.discard(copy)


def _ask_leader(folder: ModelFolder, stop: Callable[[], bool] | None, patience: float) -> None:
    folder.ask()
    until = monotonic() + patience
    try:
        while folder.is_asked() and monotonic() < until and not (stop is not None and stop()):
            pause(_LOOK)
        if folder.is_asked():
            raise ReadModelError(
                f"the program that leads {folder.path} has made no compact copy: it hangs, is of "
                "an older comity, or builds the model; run this again later"
            )
    finally:
        folder.answer()
