"""Writes whole commits of one journal into another, with their index, counts and snapshots.

Backups and restores use it. Each batch is one transaction, so that the copy is a sound journal at
any moment: it has the first commits of the original, and lacks the others. All checksums are
checked before a commit is written. The index is not copied but made from the commits, so damage to
the original's index is not in the copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self, TypeAlias

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged, JournalInUse, OutcomeUnknown, StorageFailed
from comity.engine.files.file_mark import FileMark, Mark
from comity.engine.files.writer_lock import WriterLock
from comity.engine.formats import GAPS
from comity.engine.journal import commit_log as log
from comity.engine.journal import index
from comity.engine.journal.commit_head import CommitHead, commit_key
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.format import FORMAT_KEY, JournalFormat, pack_format
from comity.engine.journal.gaps import read_gaps, write_gaps
from comity.engine.journal.journal_folder import CHECKED_WHEN_READ, check_newest, raise_needs
from comity.engine.journal.kind_counts import KindCounts, read_counts, write_counts
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.journal.skimming import Kinds, skim
from comity.engine.journal.snapshots import keep_snapshot
from comity.engine.journal.tip import Tip
from comity.engine.journal.whole_commits import Commits, WholeCommits
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.lmdb.transaction import Writing

Snapshots: TypeAlias = Callable[[Mapping[AggregateId, Tip]], Iterable[tuple[bytes, bytes, int]]]
"""Gives the rows of snapshots to copy; see `WholeCommits.snapshots`."""

_SPARE: Final = 4
"""For each command id that is written, so many old ones are removed at most."""


class Added(NamedTuple):
    """What a batch has added."""

    size: int
    """Bytes of commits."""
    snapshots: int


class CopyWriter:
    """A copy that is open to be written. Use it on one thread; `close` it.

    Args:
        store: its tables.
        lock: its lock.
    """

    def __init__(self, store: LmdbStore, lock: WriterLock) -> None:
        self.store = store
        self._lock = lock
        self._kinds = KindCounts()
        self._in_doubt = False
        """Whether a write has failed midway: the file may differ from what is on the disk."""
        with store.reading() as txn:
            self.last = log.head_of(txn, index.read_marker(txn))
            self._kinds.join(*read_counts(txn))
            if any(log.commits_from(txn, self.last.number + 1)):
                raise JournalDamaged(
                    f"{store.path} has commits after {self.last.number} without their index: "
                    f"something else than comity wrote it; {store.meaning.mend}"
                )
        self._mark = FileMark(store.path)
        self._mark.note(self.last.number, self.last.crc)

    @classmethod
    def open(
        cls,
        path: Path,
        tables: Mapping[str, bool],
        *,
        otherwise: str,
        kind: type[LmdbStore] = LmdbStore,
    ) -> Self:
        """Open the copy in this folder; nobody else may write it.

        Args:
            path: the folder.
            tables: its tables: those of a journal, perhaps with others.
            otherwise: what to do if another program writes it.
            kind: the class of its tables, which has the texts of errors.

        Raises:
            JournalInUse: another program writes it.
            NotAJournal, TooNew, JournalDamaged, StorageFailed: as `LmdbJournal.open`.
        """
        lock = WriterLock(path, in_use=JournalInUse, otherwise=otherwise)
        try:
            mark = Mark.read(path)
            store = kind(
                path, tables, map_size=MAP_SIZE, fsync=True, mark=mark, lock=None,
                unsealed=CHECKED_WHEN_READ,
            )  # fmt: skip
            try:
                if mark is not None:
                    check_newest(store, mark, path)
                return cls(store, lock)
            except BaseException:
                store.close()
                raise
        except BaseException:
            lock.release()
            raise

    def whole_commits(self) -> WholeCommits:
        """Return what the copy has, to read it back."""
        return WholeCommits(self.store, self.last)

    def add(self, commits: Commits, snapshots: Snapshots, first_segment: int) -> Added:
        """Store the next commits in one transaction, flushed.

        If one of them is damaged, those before it are stored.

        Args:
            commits: the commits after the last one.
            snapshots: gives the snapshots to store with them.
            first_segment: the oldest segment of command ids that is kept.

        Raises:
            JournalDamaged: a byte is not what was written.
            TooNew: a commit has a newer format.
            StorageFailed: nothing is stored: the disk is full, or failed.
        """
        tail, last = index.Tail(), self.last
        kinds: Kinds = {}
        for done, (number, commit) in enumerate(commits):
            try:
                last = skim(number, memoryview(commit), last, tail, kinds)
            except JournalDamaged:
                if done:
                    self.add(commits[:done], snapshots, first_segment)
                raise
        return self._store(commits, tail, kinds, last, snapshots, first_segment)

    def _store(
        self,
        commits: Commits,
        tail: index.Tail,
        kinds: Kinds,
        last: CommitHead,
        snapshots: Snapshots,
        first_segment: int,
    ) -> Added:
        oldest = first_segment * index.SEGMENT
        tail.ids = {each: place for each, place in tail.ids.items() if place[0] >= oldest}
        streams, ids = tail.rows()
        states = list(snapshots(tail.tips))
        counted = {EventKind._make(kind): many for kind, many in kinds.items()}
        self._kinds.add(self.last.number + 1, [counted], last.number)
        dropped = last.last_record - self.last.last_record - tail.records

        def put(txn: Writing) -> None:
            for number, commit in commits:
                txn.put_last(log.COMMITS, commit_key(number), commit)
            index.write_rows(txn, streams, ids, last.number)
            write_counts(txn, self._kinds, last.number)
            for key, row, version in states:
                keep_snapshot(txn, key, row, version)
            drop_segments(txn, first_segment, _SPARE * len(ids) + _SPARE)
            if dropped:  # by `compact`, perhaps since the format record was copied
                raise_needs(txn, GAPS)
                gaps = read_gaps(txn)
                write_gaps(txn, gaps._replace(records=gaps.records + dropped))

        self.write(put, last)
        return Added(sum(len(commit) for _, commit in commits), len(states))

    def write(self, put: Callable[[Writing], None], last: CommitHead | None = None) -> None:
        """Store what `put` writes, in one transaction, flushed.

        Raises:
            StorageFailed: the disk is full, or failed. It may be stored or not.
        """
        self._mark.begin()
        try:
            with self.store.writing() as txn:
                put(txn)
        except OutcomeUnknown as error:
            self._in_doubt = True
            raise StorageFailed(f"{error}; what was stored before is sound") from error
        self.last = self.last if last is None else last
        self._mark.note(self.last.number, self.last.crc)

    def close(self) -> None:
        """Close the files. Twice is harmless."""
        self.store.close()
        if self._in_doubt:
            self._mark.abandon()
        else:
            self._mark.close(self.last.number, self.last.crc)
        self._lock.release()


def put_format(txn: Writing, record: JournalFormat) -> None:
    """Store a format record."""
    txn.put(index.META, FORMAT_KEY, pack_format(record))


def drop_segments(txn: Writing, first: int, limit: int) -> None:
    """Delete at most `limit` command ids of segments before this one."""
    while limit > 0 and (segment := index.first_segment(txn)) is not None and segment < first:
        limit -= index.drop_segment(txn, segment, limit)
