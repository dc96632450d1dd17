"""How a process comes to have the files of an LMDB journal open: alone, shared, or to read.

`LmdbJournal.open` uses it. The order matters: first the lock, so that nobody opens the journal for
itself meanwhile; then the board, which refuses processes that LMDB cannot tell apart; then LMDB.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from comity.engine.errors import JournalInUse
from comity.engine.files.file_mark import Mark
from comity.engine.files.own_folder import open_file
from comity.engine.files.shared_lock import SharedLock
from comity.engine.files.writer_lock import JOURNAL_LOCK, WriterLock
from comity.engine.journal.journal_folder import (
    CHECKED_WHEN_READ,
    TABLES,
    check_format,
    check_newest,
)
from comity.engine.journal.lmdb_store import JOURNAL, LmdbStore
from comity.engine.lmdb.open_files import file_in, new_file
from comity.engine.runtime.system import monotonic, now, pause
from comity.engine.sharing.board import Board
from comity.engine.sharing.byte_lock import is_taken
from comity.engine.sharing.member import Member
from comity.engine.sharing.sharer import Sharer, moment

_log = logging.getLogger("comity")

_PATIENCE: Final = 2.0
"""Seconds for which others may be between two steps of opening, closing or dying."""
_LOOK: Final = 0.01
_LONG: Final = 1_000_000
"""Microseconds for which no process should keep others from writing."""
_NAMED: Final = 3
"""How many processes an error names."""
_OTHERWISE: Final = "read it here with ReadModels.open or the comity command"


class OpenFiles(NamedTuple):
    """What a process has of a journal that it has open."""

    store: LmdbStore
    lock: SharedLock | WriterLock | None
    """None: it only reads."""
    member: Member | None
    """Its place among the processes that share the journal; None: it does not share it."""

    def release(self) -> None:
        """Let others have the journal. Twice is harmless."""
        self.store.close()
        if self.member:
            self.member.leave()
        if self.lock:
            self.lock.release()


def open_files(
    path: Path, *, map_size: int, fsync: bool, read_only: bool, exclusive: bool
) -> OpenFiles:
    """Open the files of the journal in this folder; see `LmdbJournal.open`."""
    if read_only:
        return OpenFiles(_open_store(path, map_size, fsync=fsync, read_only=True), None, None)
    if exclusive:
        lock = _take_alone(path)
        try:
            return OpenFiles(_open_store(path, map_size, fsync=fsync, alone=True), lock, None)
        except BaseException:
            lock.release()
            raise
    return _open_shared(path, map_size, fsync=fsync)


def _open_shared(path: Path, map_size: int, *, fsync: bool) -> OpenFiles:
    new_file(path, JOURNAL)  # this process must not have it open: see `_is_open_anywhere`
    lock = SharedLock(path)
    member = None
    try:
        member = _join(path, lock)
        _say_who_writes(path, member)
        store = _open_store(path, map_size, fsync=fsync, alone=lock.alone)
        try:
            lock.share()
        except BaseException:
            store.close()
            raise
    except BaseException:
        if member:
            member.leave()
        lock.release()
        raise
    return OpenFiles(store, lock, member)


def _join(path: Path, lock: SharedLock) -> Member:
    """Join the board, once the lock, the board and lock.mdb say the same of other processes.

    They differ for a moment while a process ends. They differ for longer if somebody has removed
    one of the files while processes have the journal open: then these would not see each other.

    Raises:
        JournalInUse: they still differ after two seconds.
    """
    until = monotonic() + _PATIENCE
    while True:
        member = Board.join(path)
        try:
            others = member.others()
            if _agree(path, lock, others):
                return member
        except BaseException:
            member.leave()
            raise
        member.leave()  # who has the lock alone waits until nobody else is on the board
        if monotonic() > until:
            raise _differing(path, "".join(f", {one}" for one in others))
        if not lock.alone:
            lock.let_go()  # else two that open at once would keep each other from being alone
        pause(_LOOK)
        if not lock.alone:
            lock.again()


def _agree(path: Path, lock: SharedLock, others: Sequence[Sharer]) -> bool:
    if lock.alone:
        return not others
    return _is_open_anywhere(path / "lock.mdb") and _is_noted(path)


def _say_who_writes(path: Path, member: Member) -> None:
    """Say whom the next step waits for: it needs the right to write for a moment."""
    holder = member.holder()
    if holder and now() - holder.holds_since > _LONG:
        since = moment(holder.holds_since)
        _log.warning("opening %s waits for %s; it has been writing since %s", path, holder, since)


def _differing(path: Path, others: str) -> JournalInUse:
    return JournalInUse(
        f"files of {path} were removed or replaced while processes have it open{others}: end them, "
        "put data.mdb back if it was that one, and open it again"
    )


def _is_open_anywhere(lock: Path) -> bool:
    """Whether a process has this lock.mdb open; it must not be this process.

    LMDB would lose its locks in a process that opens and closes the file once more.
    """
    if not hasattr(fcntl, "F_OFD_GETLK"):
        return True  # the system cannot tell
    try:
        descriptor = open_file(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        return is_taken(descriptor, 0)
    finally:
        os.close(descriptor)


def _is_noted(path: Path) -> bool:
    """Whether the other processes write this data.mdb; their mark says which."""
    mark, file = Mark.read(path), file_in(path)
    return mark is None or file is None or mark.inode == file[1]


def _take_alone(path: Path) -> WriterLock:
    try:
        lock = WriterLock(path, otherwise=_OTHERWISE)
    except JournalInUse as error:
        others = Board.look(path)
        if not others:
            raise
        raise JournalInUse(
            f"{path} is open in {_several(others)}. exclusive=True needs it alone: close it there, "
            f"open it here without exclusive=True, or {_OTHERWISE}"
        ) from error
    until = monotonic() + _PATIENCE
    while others := Board.look(path):
        if monotonic() > until:
            lock.release()
            raise _differing(path, "".join(f", {one}" for one in others))
        pause(_LOOK)
    return lock


def _several(others: Sequence[Sharer]) -> str:
    """The text that names the processes that have a journal open; many are too many to read."""
    named, more = others[:_NAMED], len(others) - _NAMED
    return ", and ".join([", ".join(map(str, named)), *[f"{more} more"] * (more > 0)])


def _open_store(
    path: Path, map_size: int, *, fsync: bool, read_only: bool = False, alone: bool = False
) -> LmdbStore:
    mark = Mark.read(path)
    store = LmdbStore(
        path,
        TABLES,
        map_size=map_size,
        fsync=fsync,
        mark=mark,
        lock=None if alone else path / JOURNAL_LOCK,
        read_only=read_only,
        unsealed=CHECKED_WHEN_READ,
    )
    try:
        check_format(store, unsafe=not fsync and not read_only)
        if mark is not None:
            check_newest(store, mark, path)
    except BaseException:
        store.close()
        raise
    return store
