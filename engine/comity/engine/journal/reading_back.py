"""Reads a copy of commits back, and compares its index with them. Backups use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from comity.engine.errors import JournalDamaged
from comity.engine.journal import index
from comity.engine.journal.commit_head import CommitHead
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.journal.skimming import skim
from comity.engine.journal.whole_commits import WholeCommits


class ReadBack(NamedTuple):
    """A batch that was read."""

    last: CommitHead
    """The head of its last commit."""
    size: int
    """Its bytes."""


def read_back(store: LmdbStore, first: CommitHead, last: CommitHead) -> Iterator[ReadBack]:
    """Read the commits after `first` up to `last`, with all checksums and the rows of the index.

    Args:
        store: the copy's tables.
        first: the head of the commit before the first one.
        last: the head of the last commit, as the original has it.

    Raises:
        JournalDamaged: a commit or a row of the index is not what was written.
    """
    commits, segment = WholeCommits(store, last), index.SEGMENT
    oldest = commits.first_segment() * segment
    while first.number < last.number:
        tail, size = index.Tail(), 0
        for number, commit in commits.after(first.number):
            first = skim(number, memoryview(commit), first, tail, None)
            size += len(commit)
        tail.ids = {each: place for each, place in tail.ids.items() if place[0] >= oldest}
        _check_index(store, tail)
        yield ReadBack(first, size)
    if first.crc != last.crc:
        raise JournalDamaged(f"commit {last.number} of {store.path} is not the one that was copied")


def _check_index(store: LmdbStore, tail: index.Tail) -> None:
    streams, ids = tail.rows()
    with store.reading() as txn:
        for table, rows in ((index.STREAMS, streams), (index.IDS, ids)):
            missing = index.find_missing(txn, table, rows)
            if missing is not None:
                raise JournalDamaged(
                    f"the index of {store.path} lacks {missing!r} in {table}: {store.meaning.mend}"
                )
