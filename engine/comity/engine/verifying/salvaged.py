"""What `salvage` has read of a damaged journal, and what is missing: its account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class LostCommits(NamedTuple):
    """Commits of which nothing could be read, one after the other."""

    first: int
    last: int
    records: int | None
    """How many commands they had, as far as the commits beside them tell; None: unknown."""
    events: int | None


class HarmedCommit(NamedTuple):
    """A commit of which a part could be read."""

    number: int
    records: int
    """How many of its commands could be read."""
    lost: int | None
    """How many could not; None: its head cannot be read."""


class CutAggregate(NamedTuple):
    """An aggregate of which the new journal has only the beginning."""

    aggregate: str
    kept: int
    """Its last version in the new journal."""
    missing: int
    """The first version after that which could be read, less one: the last one that is missing."""
    known: int
    """The last version that is known of: from a record, the index or a snapshot."""
    aside: int
    """How many commands after the gap were read, and written aside."""


@dataclass(frozen=True)
class Salvaged:
    """What was read of a damaged journal, and what is missing."""

    path: str
    new: str
    complete: bool
    """Whether nothing is missing: all commits were read, and stand in the new journal."""
    commits: int
    """How many commits could be read completely."""
    lost: tuple[LostCommits, ...]
    harmed: tuple[HarmedCommit, ...]
    records: int
    """How many commands are in the new journal."""
    events: int
    records_lost: int
    """How many commands are missing, as far as that is known."""
    events_lost: int
    records_aside: int
    """How many commands were read, but follow a gap of their aggregate: they are in `aside`."""
    events_aside: int
    cut: tuple[CutAggregate, ...]
    ids_lost: tuple[str, ...]
    """The command ids of which the index knows that they were in what is missing."""
    same_position: int
    """Up to this position both journals have the same events at the same positions."""
    position: int
    """The position of the last event of the new journal."""
    branch: str
    """The name of the new journal's branch; its `restores` say where it begins."""
    named: bool
    """Whether the journal's name could be read; if not, the new one has a name of its own."""
    aside: str | None
    """The file of what was read and is not in the new journal, a JSON object on each line."""
    seconds: float
