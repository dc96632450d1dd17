"""Reading the commits of an LMDB journal, in order or along an aggregate's records.

`LmdbJournal` uses it. Commits are stored under their numbers, not under their positions: numbers
have no gaps and are unique, even if a commit holds only refusals. Positions are found by bisection.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from comity.engine.errors import JournalDamaged
from comity.engine.journal import commit_thinned
from comity.engine.journal.commit_head import NO_COMMIT, CommitHead, commit_key, read_head
from comity.engine.journal.commit_layout import Layout, layout_of
from comity.engine.journal.located import Frame, Located
from comity.engine.journal.tip import Tip
from comity.engine.lmdb.transaction import Reading

COMMITS: Final = "commits"


def head_of(txn: Reading, number: int) -> CommitHead:
    """Return the head of a commit; `NO_COMMIT` for number 0.

    Raises:
        JournalDamaged: the commit is missing, or its head is not what was written.
    """
    return read_head(number, txn.get(COMMITS, commit_key(number))) if number else NO_COMMIT


def head_before(txn: Reading, position: int, last: CommitHead) -> CommitHead:
    """Return the head of the commit before the one that holds the event after this position."""
    if position >= last.last_position:
        return last

    def position_of(number: int) -> int:
        return head_of(txn, number).position

    # Of the commits that begin at or before the position, all but the last also end there.
    number = bisect_right(range(1, last.number + 1), position, key=position_of)
    return head_of(txn, number - 1)


def head_of_record(txn: Reading, record: int, last: CommitHead) -> CommitHead:
    """Return the head of the commit that holds this record; records are counted from 0."""

    def record_of(number: int) -> int:
        return head_of(txn, number).record

    return head_of(txn, bisect_right(range(1, last.number + 1), record, key=record_of))


def commits_from(txn: Reading, number: int) -> Iterator[tuple[int, memoryview]]:
    """Read the commits from this number on, with their numbers; valid inside the transaction."""
    for key, value in txn.rows(COMMITS, commit_key(number)):
        yield int.from_bytes(key), value


def turns_back(txn: Reading, tip: Tip) -> Iterator[tuple[Tip, Frame, memoryview, Layout]]:
    """Read the turns of an aggregate from its tip back to the first, without checking them.

    Gives for each turn: the tip at the turn, its frame, its bytes (valid inside the transaction
    only), and the layout that reads them.

    Raises:
        TooNew: a turn is in a commit of a newer format.
        JournalDamaged: a turn does not point to an earlier turn of the aggregate.
    """
    while number := tip.commit:
        commit = _commit(txn, number)
        layout = layout_of(number, commit)
        frame_at = layout.frame_at
        while tip.commit == number:
            frame = frame_at(number, tip.offset, commit)
            if frame.version != tip.version or not _precedes(frame.before, tip):
                raise JournalDamaged(f"commit {number}, offset {tip.offset}: not the turn expected")
            start = layout.start(number, tip.offset, commit) if layout.thinned else tip.offset
            yield tip, frame, commit[start : start + frame.size], layout
            tip = frame.before
    if tip.version:
        raise JournalDamaged(f"the turn before version {tip.version + 1} is missing")


def _precedes(before: Tip, tip: Tip) -> bool:
    """Return whether a tip is earlier; a lasting record comes later, at the same version."""
    if before.version == tip.version:
        return (before.commit, before.offset) < (tip.commit, tip.offset)
    return before.version < tip.version


def turn_at(txn: Reading, number: int, offset: int) -> Located | None:
    """Read the turn at this offset of this commit; None if it was dropped.

    Raises:
        TooNew: the commit has a newer format.
        JournalDamaged: there is no such turn, or it is not what was written.
    """
    commit = _commit(txn, number)
    layout = layout_of(number, commit)
    start = layout.start(number, offset, commit)
    if start < 0:
        if any(offset == each for each, _ in commit_thinned.places(number, commit)[0]):
            raise JournalDamaged(f"commit {number}: its table of turns is not in order")
        return None
    size = layout.frame_at(number, offset, commit).size
    return layout.locate(number, offset, commit[start : start + size])


def _commit(txn: Reading, number: int) -> memoryview:
    commit = txn.get(COMMITS, commit_key(number))
    if commit is None:
        raise JournalDamaged(f"commit {number} is missing")
    return commit
