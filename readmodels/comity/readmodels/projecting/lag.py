"""Compares a model with a journal: its lag, and whether it was built from that journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.readmodels.tables.binding import Lag

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal
    from comity.readmodels.tables.state import Checkpoint


def lag_of(journal: Journal, position: int, now: int) -> Lag:
    """The number of events after this position, and the age of the first of them in seconds.

    Args:
        journal: the journal.
        position: the position up to which events are applied.
        now: the time, in microseconds since 1970.
    """
    events = journal.position() - position
    if events <= 0:
        return Lag(0, 0.0)
    first = next(journal.read_all(position), None)
    decided = first.time if first else now
    return Lag(events, max(0, now - decided) / 1_000_000)


def has_taken(journal: Journal, checkpoint: Checkpoint) -> bool:
    """Whether a journal has the events up to a checkpoint.

    A restored journal lacks what was stored after its backup. Another journal, or an older copy of
    its files that has grown since, ends before the checkpoint, or its event at this position has
    another time.
    """
    position = checkpoint.position
    if is_lost(journal, checkpoint):
        return False
    if not 0 < position <= journal.position():
        return position == 0
    record = next(iter(next(journal.follow(position - 1))), None)
    return record is not None and record.time == checkpoint.microseconds


def is_lost(journal: Journal, checkpoint: Checkpoint) -> bool:
    """Whether the checkpoint is of a branch that a restore has cut off before that position."""
    position = checkpoint.position
    return position > 0 and journal.lineage().lost(checkpoint.branch, position) != 0
