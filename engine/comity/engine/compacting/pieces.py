"""The work of a compaction in pieces, each a short transaction. `tidying` runs them.

With `write` a piece deletes what it finds; without it, it only counts. Between two pieces nothing
is half done: whatever happens there, the journal is sound, and the next run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from comity.engine.compacting.progress import Part, Progress, Stage
from comity.engine.compacting.thinning import Thinned, check_same, thinned
from comity.engine.errors import Invalid, JournalDamaged
from comity.engine.formats import GAPS
from comity.engine.journal import commit_log as log
from comity.engine.journal import index
from comity.engine.journal.commit_head import CommitHead, commit_key
from comity.engine.journal.gaps import Gaps, read_gaps, write_gaps
from comity.engine.journal.journal_folder import raise_needs
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.pruning import is_over, prune
from comity.engine.journal.snapshots import SNAPSHOTS, is_older
from comity.engine.journal.window import Window
from comity.engine.lmdb.transaction import Reading, Writing

_ROWS: Final = 1_000
"""So many ids are deleted at a time: about 2 ms."""
_LOOKED: Final = 20_000
"""So many rows are counted at a time."""
_BYTES: Final = 1 << 20
"""So many bytes of commits are read at a time, or one larger commit: about 10 ms of work …"""
_WRITTEN: Final = 1 << 18
"""… and so many are written at a time."""

Tidy: TypeAlias = Callable[[Callable[[Writing, CommitHead], None]], None]
"""Runs a piece that writes: `LmdbJournal.tidy`, under the committer's role."""
Step: TypeAlias = tuple[Progress, Part]
"""How far the stage is, and what the piece has dropped."""


_Found: TypeAlias = tuple[bytes, int]
"""A row's key, and how many bytes it takes."""
_Copy: TypeAlias = tuple[int, bytes]
_Less: TypeAlias = tuple[int, memoryview, Thinned]
"""A commit's number, its bytes, and what is left of it."""


class Work(NamedTuple):
    """A journal, and what is done with it."""

    journal: LmdbJournal
    window: Window
    tidy: Tidy | None
    """None: only count."""


# --- command ids ----------------------------------------------------------------------------------


def ids(work: Work) -> Iterator[Step]:
    """Delete the command ids in segments outside of the window."""
    total = sum(part.many for _, part in _counted_ids(work)) if work.tidy else 0
    done = 0
    for progress, part in _deleted_ids(work, work.tidy) if work.tidy else _counted_ids(work):
        done += part.many
        yield progress._replace(done=done, total=max(done, total)), part


def _deleted_ids(work: Work, tidy: Tidy) -> Iterator[Step]:
    deleted = [0]
    last = work.journal.look(lambda _, last: last)  # else it might run after a busy domain for ever

    def piece(txn: Writing, _: CommitHead) -> None:
        deleted[0] = prune(txn, last, work.window, _ROWS)

    while True:
        row = work.journal.look(lambda txn, _: next(iter(txn.rows(index.IDS)), None))
        size = len(row[0]) + len(row[1]) if row else 0  # most ids of a program are of one length
        tidy(piece)
        if not deleted[0]:
            return
        yield Progress(Stage.IDS, 0, 0), Part(deleted[0], deleted[0] * size)


def _counted_ids(work: Work) -> Iterator[Step]:
    start: bytes | None = b""

    def piece(txn: Reading, last: CommitHead) -> tuple[Part, bytes | None]:
        many = size = 0
        segment = -1
        for key, value in txn.rows(index.IDS, start or b""):
            if many >= _LOOKED:
                return Part(many, size), key
            if (its := index.segment_of(key)) != segment:
                if not is_over(txn, its, last, work.window):
                    break
                segment = its
            many, size = many + 1, size + len(key) + len(value)
        return Part(many, size), None

    while start is not None:
        part, start = work.journal.look(piece)
        yield Progress(Stage.IDS, 0, 0), part


# --- snapshots ------------------------------------------------------------------------------------


def snapshots(work: Work) -> Iterator[Step]:
    """Delete the older of two snapshots of each aggregate that nobody has changed in the window."""
    start: bytes | None = b""
    done = 0

    def piece(txn: Reading, last: CommitHead) -> tuple[list[_Found], int, bytes | None]:
        found: list[_Found] = []
        for many, (key, value) in enumerate(txn.rows(SNAPSHOTS, start or b"")):
            if many >= _ROWS:
                return found, many, key
            if is_older(key) and _is_idle(txn, key, last, work.window):
                found.append((key, len(key) + len(value)))
        return found, _ROWS, None

    while start is not None:
        found, many, start = work.journal.look(piece)
        done += many

        def delete(txn: Writing, _: CommitHead, found: Sequence[_Found] = found) -> None:
            for key, _size in found:
                txn.delete(SNAPSHOTS, key, 1)

        if work.tidy and found:
            work.tidy(delete)
        yield (
            Progress(Stage.SNAPSHOTS, done, done),
            Part(len(found), sum(each for _, each in found)),
        )


def _is_idle(txn: Reading, key: bytes, last: CommitHead, window: Window) -> bool:
    try:
        tip = index.newest_tip(txn, index.aggregate_of(key[:-1]))
    except (Invalid, ValueError):  # a damaged key; `verify` finds it
        return False
    return bool(tip.commit) and window.is_old(log.head_of(txn, tip.commit).time, last)


# --- refusals -------------------------------------------------------------------------------------


def refusals(work: Work) -> Iterator[Step]:
    """Drop the records without events that are outside of the window."""
    number, end = work.journal.look(lambda txn, last: _bounds(txn, last, work.window))
    while number < end:
        newest, commits = work.journal.look(partial(_copying, number + 1, end))
        batch, part = list[_Less](), Part()
        for number, commit in commits:
            less = thinned(number, commit, partial(_is_outside, work.window, newest))
            if less is not None:
                batch.append((number, memoryview(commit), less))
                part = part.plus(Part(less.dropped, len(commit) - len(less.commit)))
            if sum(len(one.commit) for _, _, one in batch) >= _WRITTEN:
                _write(work, batch, number)
                batch = []
        if batch or number >= end:
            _write(work, batch, number)
        yield Progress(Stage.REFUSALS, number, end), part


def _bounds(txn: Reading, last: CommitHead, window: Window) -> tuple[int, int]:
    """The last commit that needs no look, and the last one that holds something outside."""
    low, high = 0, last.number
    while low < high:  # the first commit that is inside; numbers rise, times nearly always do
        middle = (low + high) // 2 + 1
        head = log.head_of(txn, middle)
        if head.last_record <= window.begin(last) or window.is_old(head.time, last):
            low = middle
        else:
            high = middle - 1
    return min(read_gaps(txn).upto, low), low


def _copying(
    first: int, end: int, txn: Reading, last: CommitHead
) -> tuple[CommitHead, list[_Copy]]:
    """Copy the next commits."""
    copies, size = list[_Copy](), 0
    for each, commit in log.commits_from(txn, first):
        if each > end or size >= _BYTES:
            break
        copies.append((each, bytes(commit)))
        size += len(commit)
    if not copies:
        raise JournalDamaged(f"commit {first} is missing")
    return last, copies


def _is_outside(window: Window, last: CommitHead, number: int, time: int) -> bool:
    return window.is_over(number, time, last)


def _write(work: Work, batch: list[_Less], upto: int) -> None:
    def piece(txn: Writing, _: CommitHead) -> None:
        dropped = 0
        for number, before, less in batch:
            key = commit_key(number)
            check_same(number, before, txn.get(log.COMMITS, key))
            txn.put(log.COMMITS, key, less.commit)
            dropped += less.dropped
        if batch:
            raise_needs(txn, GAPS)
        gaps = read_gaps(txn)
        write_gaps(txn, Gaps(gaps.records + dropped, max(gaps.upto, upto)))

    if work.tidy:
        work.tidy(piece)
