"""How far a position is behind the journal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from comity.readmodels.tables.binding import Lag

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal


def lag_of(journal: Journal, position: int) -> Lag:
    """How many events came after this position, and how old the first of them is, in seconds."""
    events = journal.position() - position
    if events <= 0:
        return Lag(0, 0.0)
    first = next(journal.read_all(position), None)
    decided = first.time / 1_000_000 if first else time.time()
    return Lag(events, max(0.0, time.time() - decided))
