"""Deletes command ids outside of the window: whole segments of the index, some rows at a time."""

from __future__ import annotations

from comity.engine.journal import commit_log as log
from comity.engine.journal import index
from comity.engine.journal.commit_head import CommitHead
from comity.engine.journal.window import Window
from comity.engine.lmdb.transaction import Reading, Writing


def is_over(txn: Reading, segment: int, last: CommitHead, window: Window) -> bool:
    """Return whether a segment of ids is completely outside of the window."""
    end = (segment + 1) * index.SEGMENT
    if end > last.last_record:
        return False
    newest = log.head_of_record(txn, end - 1, last)
    return end <= last.last_record - window.ids or window.is_old(newest.time, last)


def prune(txn: Writing, last: CommitHead, window: Window, limit: int) -> int:
    """Delete at most `limit` ids of segments that are completely outside; return how many."""
    left = limit
    while left > 0 and (segment := index.first_segment(txn)) is not None:
        if not is_over(txn, segment, last, window):
            break
        left -= index.drop_segment(txn, segment, left)
    return limit - left
