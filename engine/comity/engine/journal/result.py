"""The four possible results of appending a turn: a journal returns one, the committer acts."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from comity.engine.journal.record import Record


class Stored(NamedTuple):
    """The turn is durable."""

    version: int
    """The aggregate's version after the turn."""
    position: int
    """The position of the turn's last event; the positions of a turn's events have no gap.

    Without events: a position that the journal has reached, at or after the aggregate's last event.
    """


class Stale(NamedTuple):
    """Nothing was stored: the turn was not decided on the aggregate's current state."""

    version: int
    """The aggregate's current version."""


class Repeated(NamedTuple):
    """Nothing was stored: the command of one entry was already recorded."""

    number: int
    """The index of this entry in the turn, from 0: the first one known to be recorded."""
    record: Record
    """The earlier record of this command."""


class Unknown(NamedTuple):
    """The turn may or may not be stored: call `recover`, then look its ids up with `find`."""

    why: str = "the journal gave no answer"


Result: TypeAlias = Stored | Stale | Repeated | Unknown
