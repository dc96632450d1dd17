"""The journal on a local disk, in LMDB: the default one. A `Domain` opens it.

A journal is a directory of its own: data.mdb, lock.mdb, journal.lock and a mark (`file_mark`). Do
not copy, move or open these files while the journal is open. An append writes one row, a commit
(`commit_head`), with one flush; the index is written later (`index`).

Several processes may open a journal for writing, unless one opens it `exclusive`, and any number
may read. LMDB's lock puts their commits in order. An append first begins its transaction, then
takes over what the others have committed (`lmdb_caches`), and only then judges its turns.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Self

from comity.engine import formats
from comity.engine.aggregate_id import AggregateId
from comity.engine.arguments import check_path
from comity.engine.errors import (
    ComityError,
    Forked,
    Invalid,
    JournalError,
    OutcomeUnknown,
    StorageFailed,
)
from comity.engine.files.disk import disk_errors
from comity.engine.files.file_mark import FileMark
from comity.engine.files.file_system import check_file_system
from comity.engine.files.seal import seal
from comity.engine.files.shared_lock import SharedLock
from comity.engine.journal import commit_log as log
from comity.engine.journal import index
from comity.engine.journal.commit_head import CommitHead, commit_key, read_head
from comity.engine.journal.commit_writer import CommitWriter
from comity.engine.journal.format import (
    FORMAT_KEY,
    JournalFormat,
    lineage_of,
    read_format,
)
from comity.engine.journal.journal_folder import (
    find_or_make,
    raise_needs,
    real_path,
    write_lineage,
)
from comity.engine.journal.judge import judge
from comity.engine.journal.kind_counts import write_counts
from comity.engine.journal.lineage import Lineage
from comity.engine.journal.lmdb_opening import OpenFiles, open_files
from comity.engine.journal.lmdb_reader import LmdbReader
from comity.engine.journal.pruning import prune
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result, Stale
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.snapshots import keep_snapshot, pack_snapshot
from comity.engine.journal.turn import Turn
from comity.engine.journal.unfinished import check_finished, check_no_backup
from comity.engine.journal.window import KEEP_FOR, KEEP_IDS, Window
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.lmdb.transaction import Reading, Writing
from comity.engine.sharing.member import Member


class UnsafeWarning(UserWarning):
    """A journal was opened with unsafe_no_fsync: a power cut may destroy all of it."""


class _Put(NamedTuple):
    """What a transaction writes, until it is certain that it is stored."""

    head: CommitHead
    commit: CommitWriter
    lasting: Mapping[AggregateId, int]
    """The counts of lasting records that the commit changes."""
    number: int
    """The number of the transaction."""
    indexed: bool
    """Whether it also writes the index of the commits before."""


class LmdbJournal(LmdbReader):
    """Implements `Journal` in a directory. Make one with `LmdbJournal.open`."""

    def __init__(self, files: OpenFiles, *, keep_ids: int, keep_for: timedelta) -> None:
        self._flushing: _Put | None = None
        """What is being written, until its result is certain."""
        super().__init__(
            files.store,
            window=Window.of(keep_ids, keep_for),
            read_only=files.lock is None,
            member=files.member,
        )
        self._lock = files.lock
        self._files = files
        self._store.member = files.member
        self._refresh()
        self._needed = formats.TURNS in self.format.needs
        """Whether the format record names what today's commits need."""
        self._mark = FileMark(self._store.path) if files.lock else None
        self._note()

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        map_size: int = MAP_SIZE,
        unsafe_no_fsync: bool = False,
        keep_ids: int = KEEP_IDS,
        keep_for: timedelta = KEEP_FOR,
        read_only: bool = False,
        exclusive: bool = False,
        unfinished: bool = False,
    ) -> Self:
        """Open the journal at this path; make it if nothing is there.

        Args:
            path: a directory on a local disk; not tmpfs, NFS, SMB or 9p.
            map_size: how large the journal may grow, in bytes. It costs addresses only.
            unsafe_no_fsync: for tests: `append` returns before its turns are on the disk.
            keep_ids: a command id is found until so many newer commands are recorded, or …
            keep_for: … until a command is recorded that was decided so much later.
            read_only: only read; other processes may write, and their new records are seen.
            exclusive: no other process may write while it is open.
            unfinished: open it also if it is a copy that is not complete, to go on with it.

        Raises:
            NotAJournal: the directory holds something else, or nothing with `read_only`; or it is
                an unfinished copy, or a backup and not `read_only`.
            TooNew: a newer comity made the journal, or wrote data that this version cannot read.
            JournalInUse: this process has it open already, or another one for itself; or, with
                `exclusive`, others have it open. The text says who.
            JournalDamaged: the journal cannot be read, or has lost its data.mdb.
            StorageFailed: the disk is full, or failed, or this user has no permission.
        """
        path = real_path(check_path(path, "path"))
        if unsafe_no_fsync:
            text = f"unsafe_no_fsync: a power cut may destroy all of {path}"
            warnings.warn(text, UnsafeWarning, stacklevel=2)
        if not read_only:
            check_file_system(path, shared=not exclusive)
        with disk_errors(f"no journal can be opened at {path}"):
            find_or_make(path, make=not read_only)
            if not unfinished:
                check_finished(path)
            if not read_only:
                check_no_backup(path)
        files = open_files(
            path,
            map_size=map_size,
            fsync=not unsafe_no_fsync,
            read_only=read_only,
            exclusive=exclusive,
        )
        try:
            return cls(files, keep_ids=keep_ids, keep_for=keep_for)
        except BaseException:
            files.release()
            raise

    @property
    def path(self) -> Path:
        """The journal's directory, without links."""
        return self._store.path

    @property
    def format(self) -> JournalFormat:
        """The journal's format record; it says, for example, whether all commits were flushed."""
        with self._store.reading() as txn:
            return read_format(txn.get(index.META, FORMAT_KEY))

    def lineage(self) -> Lineage:
        """See `Journal.lineage`. It is in the format record."""
        return lineage_of(self.format)

    def take_lineage(self, lineage: Lineage) -> None:
        """Say that this journal comes from there: a copy that has all records of the original.

        Raises:
            StorageFailed, OutcomeUnknown: as `append`.
        """
        self._check_writable()
        with self._store.writing() as txn:
            write_lineage(txn, lineage)

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """See `Journal.append`. No result is `Unknown`, since a commit is stored completely or not.

        Raises:
            StorageFailed: it is certain that nothing of this call is stored.
            OutcomeUnknown: the call may be stored; call `recover`, then look ids up with `find`.
            Invalid: an entry can never be stored; nothing of this call is stored.
            JournalDamaged: stored data cannot be read; nothing of this call is stored.
        """
        self._check_writable()
        states = list(snapshots)
        try:
            with self._store.writing() as txn:
                if self._others or txn.sees != self._seen:  # or somebody removed journal.lock
                    self._follow(txn)
                commit, results = self._judge(turns, states)
                put = self._put(txn, commit, states) if commit.added.ids or states else None
            if put is not None:
                self._publish(put)
        except (StorageFailed, JournalError, Invalid):
            self._flushing, self._in_doubt = None, False
            raise
        except Exception as error:
            self._doubtful = self._doubtful[0], 0  # not shown before `recover`, if LMDB shows it
            if isinstance(error, OutcomeUnknown):
                raise
            raise OutcomeUnknown(f"something failed after the commit: {error!r}") from error
        if put is not None:
            self._wakes.ring()
        if self.member:
            self._count(self.member, results, commit)
        return results

    def _judge(
        self, turns: Sequence[Turn], states: list[Snapshot]
    ) -> tuple[CommitWriter, list[Result]]:
        """Pack the turns that may be stored; add their snapshots to `states`."""
        commit = CommitWriter(self._last)
        refused: set[AggregateId] = set()
        results: list[Result] = []

        def find(command_id: str) -> Record | None:
            return commit.find(command_id) or self.find(command_id)

        def lasting(aggregate: AggregateId) -> int:
            return self._counts.count(aggregate, commit)

        for turn in turns:
            aggregate = turn.aggregate
            tip = commit.added.tips.get(aggregate) or self._tip(aggregate)
            refusal = judge(turn, tip.version, lasting, find, refused=aggregate in refused)
            if refusal is not None:
                refused.add(aggregate)
                results.append(refusal)
                continue
            results.append(commit.add(turn, tip))
            if turn.snapshot is not None:
                states.append(turn.snapshot)
        return commit, results

    def news(self) -> int:
        """See `Journal.news`. It takes 0.4 µs."""
        self._catch_up()
        return self._foreign

    @contextmanager
    def alone(self) -> Generator[None]:
        """See `Journal.alone`. It begins the write transaction that the first `append` uses."""
        self._check_writable()
        if not self._others:
            yield
            return
        with self._store.writing_early() as txn:
            self._follow(txn)
            yield

    def recover(self) -> None:
        """See `Journal.recover`.

        This opens the environment again, then writes and flushes a marker. After a failed flush,
        LMDB may show data that is only in the page cache; after the marker's flush, all data that
        LMDB shows is on the disk.
        """
        self._check_writer()
        failed = self._doubtful[0] if self._in_doubt else range(0)
        self._in_doubt = True
        try:
            self._store.reopen()
            with self._store.writing() as writing:
                first = failed.start or writing.number  # a marker may fail, too, and be shown
                self._doubtful = range(first, writing.number + 1), 0
                writing.put(index.META, b"recovered", seal(b"recovered", b""))
        except OutcomeUnknown as error:
            raise StorageFailed(f"the journal still cannot write: {error}") from error
        with self._store.reading() as txn:
            self._follow(txn, anew=True)
        self._flushing, self._in_doubt = None, False
        self._note()
        self._wakes.ring()

    def tidy(self, work: Callable[[Writing, CommitHead], None]) -> None:
        """Let `work` change what is no record's event, in a transaction; `compact` uses it.

        Like `append` it is called under the committer's role. Other processes cannot commit
        meanwhile, so `work` must take a few milliseconds only.

        Args:
            work: gets the transaction and the head of the journal's last commit.

        Raises:
            StorageFailed: it is certain that nothing is changed.
            OutcomeUnknown: it may be changed; call `recover` before the next `append`.
            JournalDamaged: stored data cannot be read; nothing is changed.
        """
        self._check_writable()
        try:
            with self._store.writing() as txn:
                if self._others or txn.sees != self._seen:
                    self._follow(txn)
                if self._mark:
                    self._mark.begin()
                work(txn, self._last)
                numbers = range(txn.number, txn.number + 1)
                self._doubtful, self._in_doubt = (numbers, self._store.opened), True
        except (StorageFailed, JournalError):
            self._in_doubt = False
            raise
        self._in_doubt = False
        self._note()

    def maintain(self) -> None:
        """Free killed readers' slots. The appending thread calls this about every ten seconds."""
        self._store.maintain()

    def abandon(self) -> None:
        """Leave the journal to the parent, in a forked child; every later call raises `Forked`.

        The layer above calls it from `os.register_at_fork(after_in_child=...)`. Without it the
        child would keep the parent's lock, and could write into the parent's journal.
        """
        self._store.abandon(Forked("this process is a fork: open the domain after forking"))
        self._wakes.forget()
        if self._lock:
            self._lock.abandon()
            self._lock = None
        if self.member:
            self.member.abandon()
        if self._mark:
            self._mark.abandon()

    def close(self) -> None:
        """Release everything; the last one writes the rest of the index. Twice is harmless."""
        if self._mark and self._lock:
            self._leave(self._mark)
        self._wakes.forget()
        self._files.release()
        self._lock = None

    def _leave(self, mark: FileMark) -> None:
        if self.member:
            self.member.leave()
        last = not isinstance(self._lock, SharedLock) or self._lock.is_last()
        if last and not self._in_doubt:
            self._write_rest()
        if last and not self._in_doubt:
            mark.close(self._last.number, self._last.crc)
        else:
            mark.abandon()  # others go on; or the file may differ from what is on the disk

    def _write_rest(self) -> None:
        try:
            self._catch_up()
            if self._tail.records or self._kinds.caught_up:
                with self._store.writing() as txn:
                    self._follow(txn)
                    self._write_index(txn)
        except OutcomeUnknown:
            self._in_doubt = True
        except ComityError:
            pass  # nothing is stored: the next opening reads the commits instead

    def _check_writer(self) -> None:
        self._store.check_open()
        if not self._lock:
            raise StorageFailed("this journal is open read-only: append where it is open to write")

    def _check_writable(self) -> None:
        self._check_writer()
        if self._in_doubt:
            raise StorageFailed("an earlier append ended with OutcomeUnknown: call recover first")

    def _put(self, txn: Writing, commit: CommitWriter, snapshots: Sequence[Snapshot]) -> _Put:
        """Write a commit and snapshots, and the index if it is due. Its result is in doubt then."""
        head, value = commit.finish()
        states = [self._snapshot_row(each, commit.added) for each in snapshots]
        indexed = self._tail.is_due()
        if self._mark:
            self._mark.begin()
        if head.records:
            txn.put_last(log.COMMITS, commit_key(head.number), value)
            if not self._needed:
                raise_needs(txn, formats.TURNS)
        for key, row, version in states:
            keep_snapshot(txn, key, row, version)
        if indexed:
            prune(txn, self._last, self.window, limit=4 * self._write_index(txn))
        put = _Put(head, commit, self._counts.after(commit), txn.number, indexed)
        numbers = range(txn.number, txn.number + 1)
        self._doubtful, self._in_doubt = (numbers, self._store.opened), True
        self._flushing = put
        return put

    def _write_index(self, txn: Writing) -> int:
        """Write the index of all commits up to the last one; return how many ids it gets."""
        streams, ids = self._tail.rows()
        index.write_rows(txn, streams, ids, self._last.number)
        write_counts(txn, self._kinds, self._last.number)
        return len(ids)

    def _snapshot_row(self, snapshot: Snapshot, added: index.Tail) -> tuple[bytes, bytes, int]:
        tip = added.tips.get(snapshot.aggregate) or self._tip(snapshot.aggregate)
        return *pack_snapshot(snapshot), tip.version

    def _note(self) -> None:
        """Write the newest commit into the mark."""
        if self._mark:
            self._mark.note(self._last.number, self._last.crc)

    def _publish(self, put: _Put) -> None:
        """Show readers the commit that has become durable.

        A reader has perhaps seen it in LMDB already, as other processes do: they may have told of
        it before this thread goes on.
        """
        with self._refreshing:
            self._needed = self._needed or bool(put.head.records)
            if self._seen < put.number:
                self._add(put)
            self._flushing = None
        self._in_doubt = False
        self._note()

    def _add_own(self, txn: Reading) -> None:
        # If it failed, another process's commit may have its numbers, but not its checksum.
        put = self._flushing
        if put is not None and put.head.records and txn.sees >= put.number > self._seen:
            stored = txn.get(log.COMMITS, commit_key(put.head.number))
            if stored is not None and read_head(put.head.number, stored).crc == put.head.crc:
                self._add(put)

    @staticmethod
    def _count(member: Member, results: Sequence[Result], commit: CommitWriter) -> None:
        """Tell the other processes how much was stored here, and what was stale."""
        if commit.turns:
            member.note_commit(commit.events)
        if commit.turns < len(results):
            member.note_stale(sum(isinstance(result, Stale) for result in results))

    def _add(self, put: _Put) -> None:
        added = put.commit.added
        if put.indexed:
            self._keep_tips()
            self._tail, self._marker = added, self._last.number
        else:
            self._tail.extend(added)
        self._counts.store(put.lasting)
        self._heard.forget(added.tips)
        if put.head.records:
            self._last = put.head
            self._kinds.add(put.head.number, put.commit.kinds)
        if put.head.records or put.indexed:  # else LMDB may give the number to another process
            self._seen = put.number
