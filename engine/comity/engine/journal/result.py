"""What becomes of a turn that is appended: one of four. A journal says it, the committer acts."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from comity.engine.journal.record import Record


class Stored(NamedTuple):
    """The turn is durable."""

    version: int
    """The aggregate's version after it."""
    position: int
    """The position of its last event; the positions of a turn's events have no gap.

    Without events: a position that the journal has reached, at or after its aggregate's last event.
    """


class Stale(NamedTuple):
    """Nothing was stored: the aggregate stands elsewhere than where the turn was decided."""

    version: int
    """Where it stands."""


class Repeated(NamedTuple):
    """Nothing was stored: the command of one entry has been recorded before."""

    number: int
    """Which entry of the turn it is, from 0: the first one of which this is known."""
    record: Record
    """What that command did."""


class Unknown(NamedTuple):
    """The turn may be stored, or may not: after `recover`, `find` tells."""

    why: str = "the journal gave no answer"


Result: TypeAlias = Stored | Stale | Repeated | Unknown
