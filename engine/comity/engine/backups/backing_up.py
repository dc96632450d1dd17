"""Backs a journal up while it is written. `domain.backup` and `comity backup` use it.

Commits are never changed, so the first n commits of a journal are the state that it had at a
moment. A backup is a journal with the first n commits; the next backup adds the commits after them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from comity.engine import formats
from comity.engine.backups.backed_up import BackedUp, Holds
from comity.engine.backups.description import (
    BACKUP,
    BACKUP_TABLES,
    UNSEALED,
    BackupStore,
    Description,
)
from comity.engine.backups.kept_ledgers import Ledgers, drop_ledgers, keep_ledgers
from comity.engine.backups.places import is_there
from comity.engine.backups.progress import BackupStage, Pace, ShowBackup, Stopped
from comity.engine.errors import JournalDamaged, OtherBackup, StorageFailed
from comity.engine.files.whole_directory import make_whole
from comity.engine.files.writer_lock import JOURNAL_LOCK
from comity.engine.journal.commit_head import NO_COMMIT, CommitHead
from comity.engine.journal.copy_writer import CopyWriter, put_format
from comity.engine.journal.format import FORMAT_KEY, JournalFormat, lineage_of, pack_format
from comity.engine.journal.index import META
from comity.engine.journal.journal_folder import FILES
from comity.engine.journal.reading_back import read_back
from comity.engine.journal.unfinished import BACKUP as BACKUP_FILE
from comity.engine.journal.unfinished import mark_backup
from comity.engine.journal.whole_commits import WholeCommits
from comity.engine.lmdb.preflight import check_pages
from comity.engine.lmdb.transaction import Writing
from comity.engine.runtime.system import now

IN_USE: Final = "wait until that backup or restore has ended"


def back_up(
    begin: Callable[[], WholeCommits],
    source: Path,
    target: Path,
    ledgers: Callable[[], Ledgers],
    *,
    whole: bool,
    progress: ShowBackup | None,
    stop: Callable[[], bool] | None,
) -> BackedUp:
    """Copy the commits that the backup does not have, and read them back.

    Args:
        begin: returns the journal's commits up to now. It is called after the ledgers are copied.
        source: the journal's folder.
        target: the backup's folder: that of an earlier backup, or nothing.
        ledgers: returns the ledgers of the journal's outlets.
        whole: check all of the backup, and not only what was copied now.
        progress: is called a few times a second.
        stop: is asked between batches whether to stop; then the result is not complete.
    """
    pace = Pace(progress, stop)
    journal = begin()
    if not is_there(target):
        _make(target, source, journal.format())
    with _opened(target) as copy:
        work = _Work(copy, journal, source, pace)
        work.check_continues()
        try:
            work.copy_ledgers(ledgers())
            work.begin(begin())
            work.copy()
            work.read_back(whole=whole)
            work.finish()
        except Stopped:
            return work.result(complete=False)
        except StorageFailed as error:
            sound = f"what {target} holds is sound, up to commit {copy.last.number:,}"
            raise type(error)(f"{error}; {sound}: run it again") from error
        return work.result(complete=True)


class _Work:
    """One backup into an open copy."""

    def __init__(self, copy: CopyWriter, journal: WholeCommits, source: Path, pace: Pace) -> None:
        self._copy = copy
        self._journal = journal
        self._source = source
        self._pace = pace
        self._first = copy.last
        with copy.store.reading() as txn:
            self._described = Description.read(txn)
        self._names: tuple[str, ...] = ()
        self._failed: dict[str, str] = {}
        self._generation = self._described.ledgers + 1
        self._size = self._snapshots = self._read = 0

    def check_continues(self) -> None:
        """Check that the journal goes on where the backup ends.

        Raises:
            OtherBackup: it does not; the text says why, and what to do.
        """
        target, last = self._copy.store.path, self._copy.last
        here = lineage_of(self._journal.format())
        there = lineage_of(self._copy.whole_commits().format())
        instead = f"nothing was changed; keep it, and back {self._source} up to another path"
        if here.id != there.id:
            was = self._described.path
            raise OtherBackup(f"{target} is a backup of another journal, of {was}: {instead}")
        if last.number > self._journal.last.number:
            raise OtherBackup(
                f"{target} has {last.number:,} commits, and {self._source} only "
                f"{self._journal.last.number:,}: an older backup was restored there: {instead}"
            )
        same = self._journal.head(last.number).crc == last.crc
        if not same or here.restores[: len(there.restores)] != there.restores:
            raise OtherBackup(
                f"commit {last.number:,} of {target} is not the one of {self._source}: an older "
                f"backup was restored at one of them, and both went on: {instead}"
            )

    def copy_ledgers(self, ledgers: Ledgers) -> None:
        """Write the ledgers beside those of the backup before."""
        self._pace.begin(BackupStage.LEDGERS)
        drop_ledgers(self._copy, besides=self._described.ledgers)  # what was interrupted has left
        before = self._described.outlets
        self._failed = keep_ledgers(self._copy, self._generation, ledgers, before)
        kept = {one for one in ledgers if one not in self._failed or one in before}
        self._names = tuple(sorted(kept))

    def begin(self, journal: WholeCommits) -> None:
        """Say that a backup up to the journal's end has begun."""
        self._journal = journal
        record, described = journal.format(), self._described._replace(aim=journal.last.number)

        def put(txn: Writing) -> None:
            put_format(txn, record)  # before the commits that need what it names
            described.put(txn)

        self._copy.write(put)

    def copy(self) -> None:
        """Copy the commits, batch by batch."""
        copy, journal, pace = self._copy, self._journal, self._pace
        _begin(pace, BackupStage.COPYING, copy.last, journal.last)
        segment = journal.first_segment()
        while copy.last.number < journal.last.number:
            try:
                added = copy.add(journal.after(copy.last.number), journal.snapshots, segment)
            except JournalDamaged as error:
                raise self._damaged(error) from error
            self._size += added.size
            self._snapshots += added.snapshots
            pace.done(copy.last.number, copy.last.last_record, added.size)

    def _damaged(self, error: JournalDamaged) -> JournalDamaged:
        many, target = self._copy.last.number, self._copy.store.path
        return JournalDamaged(
            f"{self._source} is damaged: {error}; {target} has the {many:,} commits before that, "
            "and they are sound. `comity verify` says what is damaged, and `comity salvage` writes "
            "what can be read into a new journal"
        )

    def read_back(self, *, whole: bool) -> None:
        """Read what was copied, or all of the backup."""
        store, pace = self._copy.store, self._pace
        if whole:
            pace.begin(BackupStage.CHECKING)
            check_pages(store.path, UNSEALED, BackupStore.meaning, pace.checked)
        first, last = NO_COMMIT if whole else self._first, self._journal.last
        _begin(pace, BackupStage.READING, first, last)
        for last_read, size in read_back(store, first, last):
            self._read = last_read.number - first.number
            pace.done(last_read.number, last_read.last_record, size)

    def finish(self) -> None:
        """Say that the backup is complete."""
        last = self._copy.last
        described = Description(
            path=str(self._source), comity=formats.own_version(), commit=last.number, crc=last.crc,
            time=now(), ledgers=self._generation, outlets=self._names,
        )  # fmt: skip
        self._copy.write(described.put)
        self._described = described
        drop_ledgers(self._copy, besides=described.ledgers)

    def result(self, *, complete: bool) -> BackedUp:
        """Return what was done."""
        first, last = self._first, self._copy.last
        return BackedUp(
            complete=complete,
            holds=holds(lineage_of(self._journal.format()).id, last, self._described),
            commits=last.number - first.number,
            commands=last.last_record - first.last_record,
            position=first.last_position,
            size=self._size,
            snapshots=self._snapshots,
            read_back=self._read,
            failed_ledgers=self._failed,
            seconds=self._pace.seconds,
        )


def holds(journal: str, last: CommitHead, described: Description) -> Holds:
    """Return what a backup with this last commit holds."""
    return Holds(
        journal, last.number, last.last_record, last.last_position, last.time,
        tuple(described.outlets),
    )  # fmt: skip


def _begin(pace: Pace, stage: BackupStage, first: CommitHead, last: CommitHead) -> None:
    pace.begin(stage, (first.number, last.number), (first.last_record, last.last_record))


def _make(target: Path, source: Path, record: JournalFormat) -> None:
    """Make an empty backup, wholly or not at all."""

    def build(folder: Path) -> None:
        described = Description(path=str(source), comity=formats.own_version())
        rows = [(META, FORMAT_KEY, pack_format(record)), (BACKUP, *described.row())]
        BackupStore.create(folder, BACKUP_TABLES, rows)
        (folder / JOURNAL_LOCK).touch(mode=0o600)
        mark_backup(folder)

    make_whole(target, build, (*FILES, BACKUP_FILE))
    is_there(target)  # another program may have made something else


@contextmanager
def _opened(target: Path) -> Generator[CopyWriter]:
    copy = CopyWriter.open(target, BACKUP_TABLES, otherwise=IN_USE, kind=BackupStore)
    try:
        yield copy
    finally:
        copy.close()
