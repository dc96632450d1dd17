"""Decides whether a turn may be stored: one rule for all journals."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.record import Record
from comity.engine.journal.result import Repeated, Stale
from comity.engine.journal.turn import Turn


class Standing(NamedTuple):
    """The aggregate's state before a turn is stored, earlier turns of the call included."""

    version: int
    lasting: Callable[[AggregateId], int]
    """Counts the lasting records at that version; called only if a turn depends on them."""
    refused: bool = False
    """Whether an earlier turn of the aggregate in the same call was not stored."""


def judge(
    turn: Turn, standing: Standing, find: Callable[[str], Record | None]
) -> Stale | Repeated | None:
    """Return why the turn must not be stored; None if it may be stored.

    Args:
        turn: the decided turn.
        standing: its aggregate's state.
        find: returns the record of a command id, also of earlier turns in the same call.
    """
    if standing.refused:
        return Stale(standing.version)
    for index in turn.retries:
        if (record := find(turn.ids[index])) is not None:
            return Repeated(index, record)
    if turn.expected != standing.version:
        return Stale(standing.version)
    if turn.known is not None and turn.known != standing.lasting(turn.aggregate):
        return Stale(standing.version)
    return None
