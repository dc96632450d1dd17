"""Verifies a journal: reads all of it, its structure and its content, beside its domain or not.

`comity verify` shows it, and a backup is verified by it. It reads pages without LMDB, which would
end the process at a damaged one. While others may write, a child process holds the state that is
read (`holding`). Nothing is changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple

from comity.engine.arguments import check_path
from comity.engine.errors import StorageFailed
from comity.engine.files.disk import disk_errors
from comity.engine.files.file_mark import Look, Mark
from comity.engine.files.own_folder import open_file
from comity.engine.files.writer_lock import JOURNAL_LOCK, is_held
from comity.engine.journal.journal_folder import find_or_make, real_path
from comity.engine.journal.unfinished import check_finished
from comity.engine.lmdb.data_pages import Meta, newest_state, states
from comity.engine.lmdb.data_tree import Wrong
from comity.engine.lmdb.holding import NOT_HELD, Held
from comity.engine.runtime.system import monotonic, pause
from comity.engine.verifying.beside import Beside
from comity.engine.verifying.faults import Faults
from comity.engine.verifying.journal_check import JournalCheck
from comity.engine.verifying.pace import Pace, Stopped, go_on
from comity.engine.verifying.verified import OnProgress, Verified

_TRIES: Final = 5
_PAUSE: Final = 0.002


def verify(
    path: str | PathLike[str],
    *,
    progress: OnProgress | None = None,
    stop: Callable[[], bool] = go_on,
) -> Verified:
    """Read all of a journal, and tell what is wrong with it.

    It goes on behind a fault. Processes may write the journal meanwhile: the state at the beginning
    is read, and the file grows by all that they write until the end. It takes two to three times
    as long as reading all commits, and about 250 bytes of memory for each aggregate.

    Args:
        path: the journal.
        progress: called a few times a second.
        stop: asked a few times a second; True ends the reading, and what was seen is told.

    Raises:
        NotAJournal: there is something else, or nothing, or an unfinished copy.
        TooNew: a newer comity wrote it.
        JournalDamaged: data.mdb is gone.
        StorageFailed: it cannot be read; or it is written, and its state cannot be held.

    Example:
        found = verify("team.db")
        assert found.is_sound, found.faults
    """
    began = monotonic()
    place = real_path(check_path(path, "path"))
    with disk_errors(f"{place} cannot be verified"):
        find_or_make(place, make=False)
        check_finished(place)
        found = _read_steadily(place, progress, stop)
        outlets, models = Beside("outlet"), Beside("model")
        if found.complete:
            complete = outlets.read(place, found.faults, progress, stop)
            complete = complete and models.read(place, found.faults, progress, stop)
            found = found._replace(complete=complete)
        size = (place / "data.mdb").stat().st_size
    return _report(place, found, size, (outlets, models), monotonic() - began)


class _Found(NamedTuple):
    faults: Faults
    check: JournalCheck | None
    state: Meta | None
    held: bool
    complete: bool


def _read_steadily(place: Path, progress: OnProgress | None, stop: Callable[[], bool]) -> _Found:
    """Read the journal, and again if it was written meanwhile and its state was not held."""
    hold = is_held(place / JOURNAL_LOCK)
    for _ in range(_TRIES):
        look = Look.at(place)
        found = _read(place, progress, stop, hold=hold)
        if found.held or not found.faults.total or look == Look.at(place):
            return found
        hold = True
    raise StorageFailed(
        f"{place} is being written, and no state of it could be held meanwhile: verify it again, "
        "or when no program has it open"
    )


def _read(
    place: Path, progress: OnProgress | None, stop: Callable[[], bool], *, hold: bool
) -> _Found:
    faults, check, complete = Faults(), None, True
    mark = Mark.read(place)  # before the state, which is then not older
    with Held(place) if hold else NOT_HELD as held:  # before the file, which `compact` may replace
        file = open_file(place / "data.mdb", os.O_RDONLY)
        try:
            newest = _newest(file, faults)
            state = held.state or newest
            if state is not None:
                try:
                    pace = Pace("the journal", progress, stop)
                    check = JournalCheck(file, state, mark, faults, pace)
                    check.read()
                except Wrong as error:
                    faults.add("pages", str(error), page=0)
                except Stopped:
                    complete = False
            return _Found(faults, check, state, held.state is not None, complete)
        finally:
            os.close(file)


def _newest(file: int, faults: Faults) -> Meta | None:
    """Find the newest state; None if no page names a sound one."""
    said = ""
    for _ in range(_TRIES):
        try:
            return newest_state(file)
        except Wrong as error:  # perhaps a writer has written one of the pages meanwhile
            said = str(error)
            pause(_PAUSE)
    faults.add("pages", said, page=0)
    return max(states(file), key=lambda state: state.number, default=None)


def _report(
    place: Path, found: _Found, size: int, beside: tuple[Beside, Beside], seconds: float
) -> Verified:
    check, commits = found.check, None if found.check is None else found.check.commits
    return Verified(
        path=str(place),
        complete=found.complete,
        found=found.faults.total,
        faults=tuple(found.faults.kept),
        state=0 if found.state is None else found.state.number,
        held=found.held,
        bytes=size,
        pages=check.pages if check else 0,
        commits=commits.commits if commits else 0,
        records=commits.records if commits else 0,
        events=commits.events if commits else 0,
        position=commits.last.last_position if commits else 0,
        aggregates=len(commits.tips) if commits else 0,
        ids=check.ids if check else 0,
        snapshots=check.snapshots if check else 0,
        outlets=tuple(beside[0].names),
        models=tuple(beside[1].names),
        seconds=seconds,
    )
