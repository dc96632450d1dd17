"""Checks a backup, and makes a journal of it. `comity restore` uses it.

First all pages are checked without LMDB, which ends the process at a damaged page. Then the commits
are read one after the other with all their checksums, and written into the new journal, whose index
is made from them. The new journal gets its name when all of it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

from comity.engine.backups.backed_up import Holds, Lacking, Restored
from comity.engine.backups.backing_up import IN_USE, holds
from comity.engine.backups.beside import lacking
from comity.engine.backups.description import BACKUP_TABLES, UNSEALED, BackupStore, Description
from comity.engine.backups.kept_ledgers import Row, kept_rows
from comity.engine.backups.places import check_free
from comity.engine.backups.progress import BackupStage, Pace
from comity.engine.errors import JournalDamaged, NotAJournal
from comity.engine.files.disk import disk_errors
from comity.engine.files.file_mark import MARK, Mark
from comity.engine.files.own_folder import is_folder, look_at
from comity.engine.files.whole_directory import make_whole
from comity.engine.files.writer_lock import JOURNAL_LOCK, WriterLock
from comity.engine.journal.commit_head import NO_COMMIT, CommitHead
from comity.engine.journal.commit_log import head_of
from comity.engine.journal.copy_writer import CopyWriter
from comity.engine.journal.format import FORMAT_KEY, lineage_of, pack_format
from comity.engine.journal.index import META, Tail, read_marker
from comity.engine.journal.journal_folder import FILES, TABLES
from comity.engine.journal.lineage import Branch
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.journal.skimming import skim
from comity.engine.journal.unfinished import is_backup
from comity.engine.journal.whole_commits import WholeCommits
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.lmdb.preflight import check_files, check_pages
from comity.engine.runtime.system import now, token

MakeLedger: TypeAlias = Callable[[Path, Iterable[Row]], None]
"""Makes a ledger with these rows in a folder that does not exist."""


class LedgerPlace(NamedTuple):
    """Where and how ledgers are made in a restored journal."""

    folder: str
    """The folder of all ledgers, inside the journal's."""
    files: tuple[str, ...]
    """The files of a ledger."""
    make: MakeLedger


class OpenBackup(NamedTuple):
    """A backup whose pages were checked, open to be read."""

    store: BackupStore
    described: Description
    last: CommitHead

    def commits(self) -> WholeCommits:
        """Return its commits."""
        return WholeCommits(self.store, self.last)

    def holds(self) -> Holds:
        """Return what it holds."""
        return holds(lineage_of(self.commits().format()).id, self.last, self.described)


def check(backup: Path, pace: Pace, beside: Path | None) -> Restored:
    """Check all of a backup, and make nothing."""
    with opened_backup(backup, pace) as opened:
        size, head, commits = 0, NO_COMMIT, opened.commits()
        _begin(pace, BackupStage.READING, opened)
        while head.number < opened.last.number:
            batch = commits.after(head.number)
            for number, commit in batch:
                head = skim(number, memoryview(commit), head, Tail(), None)
            read = sum(len(commit) for _, commit in batch)
            size += read
            pace.done(head.number, head.last_record, read)
        for name in opened.described.outlets:
            for _ in kept_rows(opened.store, opened.described.ledgers, name):
                pass
        return _result(opened, None, "", size, _beside(opened, beside), pace)


def restore_to(
    backup: Path, path: Path, ledgers: LedgerPlace, pace: Pace, beside: Path | None
) -> Restored:
    """Make a journal of a backup, wholly or not at all."""
    check_free(path)
    with opened_backup(backup, pace) as opened:
        branch = Branch(token(8), opened.last.last_position, opened.last.last_record, now())
        names = opened.described.outlets
        inside = [f"{ledgers.folder}/{name}/{file}" for name in names for file in ledgers.files]
        size = 0

        def build(folder: Path) -> None:
            nonlocal size
            size = _write_journal(folder, opened, branch, pace)
            for name in names:
                place = folder / ledgers.folder / name
                place.parent.mkdir(mode=0o700, exist_ok=True)
                ledgers.make(place, kept_rows(opened.store, opened.described.ledgers, name))

        make_whole(path, build, (*FILES, MARK, *inside))
        _check_ours(path, branch)
        return _result(opened, path, branch.id, size, _beside(opened, beside), pace)


@contextmanager
def opened_backup(path: Path, pace: Pace) -> Generator[OpenBackup]:
    """Check all pages of a backup, and open it; no other program may write it meanwhile.

    Raises:
        NotAJournal: there is no backup.
        JournalInUse: a backup is being written there.
        TooNew, JournalDamaged, StorageFailed: it cannot be read.
    """
    with disk_errors(f"{path} cannot be read"):
        if not is_folder(path) or look_at(path / "data.mdb") is None or not is_backup(path):
            raise NotAJournal(
                f"there is no backup at {path}: give the folder that `comity backup` has written"
            )
    lock = WriterLock(path, otherwise=IN_USE)
    try:
        pace.begin(BackupStage.CHECKING)
        meaning = BackupStore.meaning
        with meaning.told(path):
            check_files(path, write=False)
        check_pages(path, UNSEALED, meaning, pace.checked)
        # The lock that is held here tells the store that the pages need no other check.
        store = BackupStore(
            path, BACKUP_TABLES, map_size=MAP_SIZE, fsync=True, mark=None, lock=path / JOURNAL_LOCK
        )
        try:
            with store.reading() as txn:
                described = Description.read(txn)
                last = head_of(txn, read_marker(txn))
            _check_description(path, described, WholeCommits(store, last))
            yield OpenBackup(store, described, last)
        finally:
            store.close()
    finally:
        lock.release()


def _check_description(path: Path, described: Description, commits: WholeCommits) -> None:
    """Check that all commits are there that its description and its mark name."""
    mark = Mark.read(path)  # LMDB goes back to an earlier state if its newest one is damaged
    expected = [(described.commit, described.crc), (mark.number, mark.crc) if mark else (0, 0)]
    for number, crc in expected:
        if number > commits.last.number or commits.head(number).crc != crc:
            raise JournalDamaged(
                f"{path} is damaged: its commit {number:,} is not there, or is another one; if it "
                "was copied while a backup was being written, copy its folder again; else "
                f"{BackupStore.meaning.mend}"
            )


def _write_journal(folder: Path, opened: OpenBackup, branch: Branch, pace: Pace) -> int:
    """Write the journal; return how many bytes of commits it has."""
    commits = opened.commits()
    record = commits.format()
    record = record._replace(restores=(*record.restores, tuple(branch)))
    LmdbStore.create(folder, TABLES, [(META, FORMAT_KEY, pack_format(record))])
    (folder / JOURNAL_LOCK).touch(mode=0o600)
    copy = CopyWriter.open(folder, TABLES, otherwise=IN_USE)
    size, segment = 0, commits.first_segment()
    try:
        _begin(pace, BackupStage.COPYING, opened)
        while copy.last.number < commits.last.number:
            added = copy.add(commits.after(copy.last.number), commits.snapshots, segment)
            size += added.size
            pace.done(copy.last.number, copy.last.last_record, added.size)
    finally:
        copy.close()
    return size


def _check_ours(path: Path, branch: Branch) -> None:
    """Check that the journal at the path is the restored one: another program may be first."""
    journal = LmdbJournal.open(path, read_only=True)
    try:
        ours = branch in journal.lineage().restores
    finally:
        journal.close()
    if not ours:
        raise NotAJournal(f"another program has made a journal at {path} meanwhile: it stays there")


def _begin(pace: Pace, stage: BackupStage, opened: OpenBackup) -> None:
    pace.begin(stage, (0, opened.last.number), (0, opened.last.last_record))


def _beside(opened: OpenBackup, told: Path | None) -> Lacking | None:
    """Compare with the original: that which was told, or that which the backup names."""
    original = told or Path(opened.described.path)
    id_ = lineage_of(opened.commits().format()).id
    return lacking(original, id_, opened.last, must_be=told is not None)


def _result(
    opened: OpenBackup,
    path: Path | None,
    branch: str,
    size: int,
    beside: Lacking | None,
    pace: Pace,
) -> Restored:
    described = opened.described
    return Restored(
        holds=opened.holds(),
        complete=described.is_complete,
        backed_up=described.time,
        path=path,
        branch=branch,
        size=size,
        lacking=beside,
        seconds=pace.seconds,
    )
