"""Whether a turn may be stored. Every journal asks here, so that all of them mean the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.record import Record
from comity.engine.journal.result import Repeated, Stale
from comity.engine.journal.turn import Turn


class Standing(NamedTuple):
    """How an aggregate stands when a turn of it is to be stored, earlier turns included."""

    version: int
    lasting: Callable[[AggregateId], int]
    """Counts its lasting records at that version; called only where a turn rests on them."""
    refused: bool = False
    """Whether an earlier turn of it in the same call was not stored."""


def judge(
    turn: Turn, standing: Standing, find: Callable[[str], Record | None]
) -> Stale | Repeated | None:
    """Why the turn is not to be stored; None: store it.

    Args:
        turn: what was decided.
        standing: how its aggregate stands.
        find: the record of a command id, those of earlier turns in the same call included.
    """
    if standing.refused:
        return Stale(standing.version)
    for index, entry in enumerate(turn.entries):
        if entry.retry and (record := find(entry.command_id)) is not None:
            return Repeated(index, record)
    if turn.expected != standing.version:
        return Stale(standing.version)
    if turn.known is not None and turn.known != standing.lasting(turn.aggregate):
        return Stale(standing.version)
    return None
