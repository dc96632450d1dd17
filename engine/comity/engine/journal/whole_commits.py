"""The commits of a journal as they are stored, in order, up to the newest one.

Backups and restores copy them. `LmdbReader.whole_commits` makes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.journal import commit_log as log
from comity.engine.journal import index
from comity.engine.journal.commit_head import CommitHead
from comity.engine.journal.format import FORMAT_KEY, JournalFormat, read_format
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.journal.snapshots import snapshot_row
from comity.engine.journal.tip import Tip

BATCH_BYTES = 1 << 22
"""So much is copied in one transaction, 4 MiB, or one larger commit: a few milliseconds."""

Commits: TypeAlias = list[tuple[int, bytes]]
"""Commits with their numbers."""


class WholeCommits:
    """Reads commits without understanding them, each time in one short transaction.

    Args:
        store: the journal's tables.
        last: the newest commit to read; later ones are left out.
    """

    def __init__(self, store: LmdbStore, last: CommitHead) -> None:
        self.path = store.path
        self.last = last
        self._store = store

    def format(self) -> JournalFormat:
        """Return the journal's format record."""
        with self._store.reading() as txn:
            return read_format(txn.get(index.META, FORMAT_KEY))

    def head(self, number: int) -> CommitHead:
        """Return the head of a commit; `NO_COMMIT` for number 0.

        Raises:
            JournalDamaged: the commit is missing, or its head is not what was written.
        """
        with self._store.reading() as txn:
            return log.head_of(txn, number)

    def after(self, number: int) -> Commits:
        """Return the commits after this one, as many as a batch holds.

        Raises:
            JournalDamaged: the next commit is missing.
        """
        copies: Commits = []
        size = 0
        with self._store.reading() as txn:
            for each, commit in log.commits_from(txn, number + 1):
                if each > self.last.number or (copies and size + len(commit) > BATCH_BYTES):
                    break
                copies.append((each, bytes(commit)))
                size += len(commit)
        if not copies and number < self.last.number:
            raise JournalDamaged(f"commit {number + 1} is missing")
        return copies

    def snapshots(self, tips: Mapping[AggregateId, Tip]) -> Iterator[tuple[bytes, bytes, int]]:
        """Give the snapshots of aggregates that are not later than these tips.

        Gives for each snapshot its key, its sealed row, and the aggregate's version.
        """
        with self._store.reading() as txn:
            for aggregate, tip in tips.items():
                row = snapshot_row(txn, aggregate, tip.version)
                if row is not None:
                    yield *row, tip.version

    def first_segment(self) -> int:
        """Return the oldest segment of command ids: earlier ids are forgotten."""
        with self._store.reading() as txn:
            return index.first_segment(txn) or 0
