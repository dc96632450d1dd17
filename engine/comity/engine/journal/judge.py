"""Decides whether a turn may be stored: one rule for all journals."""

from __future__ import annotations

from collections.abc import Callable

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.record import Record
from comity.engine.journal.result import Repeated, Stale
from comity.engine.journal.turn import Turn


def judge(
    turn: Turn,
    version: int,
    lasting: Callable[[AggregateId], int],
    find: Callable[[str], Record | None],
    *,
    refused: bool,
) -> Stale | Repeated | None:
    """Return why the turn must not be stored; None if it may be stored.

    Args:
        turn: the decided turn.
        version: its aggregate's version, earlier turns of the call included.
        lasting: counts the aggregate's lasting records at that version; called only if the turn
            depends on them.
        find: returns the record of a command id, also of earlier turns in the same call.
        refused: whether an earlier turn of the aggregate in the same call was not stored.
    """
    if refused:
        return Stale(version)
    for index in turn.retries:
        if (record := find(turn.ids[index])) is not None:
            return Repeated(index, record)
    if turn.expected != version:
        return Stale(version)
    if turn.known is not None and turn.known != lasting(turn.aggregate):
        return Stale(version)
    return None
