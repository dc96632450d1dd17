"""`backup`, `restore` and `check_backup`: a journal in a directory, with its outlets' ledgers."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comity.actors.delivering.ledger_rows import ledgers_in, make_ledger_of
from comity.actors.delivering.lmdb_tables import FILES
from comity.actors.delivering.opening import OUTLETS, ledgers_folder
from comity.engine.arguments import check_path
from comity.engine.backups.backing_up import back_up
from comity.engine.backups.places import two_places
from comity.engine.backups.progress import Pace
from comity.engine.backups.restoring import LedgerPlace, check, restore_to
from comity.engine.errors import NotAJournal, WiringError
from comity.engine.journal.journal_folder import real_path
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.unfinished import is_backup

if TYPE_CHECKING:
    from comity.actors.delivering.outlets import Outlets
    from comity.engine.backups.backed_up import BackedUp, Restored
    from comity.engine.backups.progress import ShowBackup
    from comity.engine.journal.journal import Journal

Anywhere = str | PathLike[str]

_WORDS: Final = ("journal", "backup")


def backup(
    path: Anywhere,
    dest: Anywhere,
    *,
    ledgers: Anywhere | None = None,
    whole: bool = False,
    progress: ShowBackup | None = None,
    stop: Callable[[], bool] | None = None,
) -> BackedUp:
    """Back up the domain at `path` into the folder `dest`, while programs use it or not.

    The first backup into a folder copies everything, later ones what is new since then. The backup
    has all commits up to the moment when it began, and the ledgers of outlets. What was copied is
    read back. Writers are not stopped. Read models are not copied: they are built from the journal.

    If it is interrupted in any way, also by kill -9, `dest` is a sound backup of an earlier moment;
    the next backup goes on.

    Args:
        path: the directory of the journal. In the process that has the domain open, call
            `domain.backup` instead.
        dest: the folder of the backup. It must not exist, or be an earlier backup of this journal.
        ledgers: the folder of the outlets' ledgers; by default `outlets` inside `path`.
        whole: check all of the backup afterwards, and not only what was copied now.
        progress: is called a few times a second.
        stop: is asked now and then whether to stop; then the result is not complete.

    Raises:
        WiringError: the paths are the same, or one is inside the other.
        NotAJournal: `path` is no journal, or something else than a backup is at `dest`.
        OtherBackup: `dest` is a backup of another journal, or of what this one was before a
            restore.
        JournalInUse: another backup into `dest` is under way, or a restore from it.
        JournalDamaged: the journal is damaged; `dest` has what comes before the damage.
        StorageFull, StorageFailed: there is no room, or the disk failed; `dest` stays sound.
        TooNew: only a newer version of comity can read the journal or the backup.
    """
    source, target = two_places(path, dest, _WORDS)
    folder = ledgers_folder(source, None if ledgers is None else check_path(ledgers, "ledgers"))
    journal = LmdbJournal.open(source, read_only=True)
    try:
        return _back_up(journal, folder, None, target, whole=whole, progress=progress, stop=stop)
    finally:
        journal.close()


def back_up_domain(
    journal: Journal,
    outlets: Outlets,
    dest: Anywhere,
    *,
    whole: bool,
    progress: ShowBackup | None,
    stop: Callable[[], bool] | None,
) -> BackedUp:
    """Back up the domain that this process has open; see `backup`."""
    if not isinstance(journal, LmdbJournal):
        msg = f"backup is for a journal in a directory, and this one is {type(journal).__name__}"
        raise WiringError(msg)
    source, target = two_places(journal.path, dest, _WORDS)
    folder = outlets.folder or ledgers_folder(source, None)
    return _back_up(journal, folder, outlets, target, whole=whole, progress=progress, stop=stop)


def restore(
    backup: Anywhere,
    path: Anywhere,
    *,
    beside: Anywhere | None = None,
    progress: ShowBackup | None = None,
) -> Restored:
    """Make a journal of a backup, with the ledgers of its outlets, after checking all of it.

    The new journal knows that it is a restored one: its lineage has a new branch, and whoever has
    followed the original further is told so. It appears when it is complete; until then, also after
    kill -9, nothing is there.

    Args:
        backup: the folder of the backup; it is not changed.
        path: the directory of the new journal. It must not exist, or be an empty directory.
        beside: the original, if it is still there, to say what the new journal lacks; by default
            it is looked for where it was when it was backed up.
        progress: is called a few times a second.

    Raises:
        WiringError: the paths are the same, or one is inside the other.
        NotAJournal: there is no backup, or something is at `path`: nothing is overwritten.
        JournalInUse: a backup is being written there.
        JournalDamaged: the backup is damaged, or was cut short.
        StorageFull, StorageFailed: there is no room, or the disk failed.
        TooNew: only a newer version of comity can read the backup.
    """
    source, target = two_places(backup, path, ("backup", "new journal"))
    place = LedgerPlace(OUTLETS, FILES, make_ledger_of)
    return restore_to(source, target, place, Pace(progress, None), _original(beside))


def check_backup(
    backup: Anywhere,
    *,
    beside: Anywhere | None = None,
    progress: ShowBackup | None = None,
) -> Restored:
    """Check all of a backup as `restore` does, and make nothing.

    Raises:
        NotAJournal, JournalInUse, JournalDamaged, StorageFailed, TooNew: as `restore`.
    """
    source = real_path(check_path(backup, "the path of the backup"))
    return check(source, Pace(progress, None), _original(beside))


def _back_up(
    journal: LmdbJournal,
    folder: Path,
    outlets: Outlets | None,
    target: Path,
    *,
    whole: bool,
    progress: ShowBackup | None,
    stop: Callable[[], bool] | None,
) -> BackedUp:
    if is_backup(journal.path):
        raise NotAJournal(f"{journal.path} is a backup itself: copy its folder to have another one")
    return back_up(
        journal.whole_commits,
        journal.path,
        target,
        lambda: ledgers_in(folder, outlets),
        whole=whole,
        progress=progress,
        stop=stop,
    )


def _original(beside: Anywhere | None) -> Path | None:
    return None if beside is None else real_path(check_path(beside, "beside"))
