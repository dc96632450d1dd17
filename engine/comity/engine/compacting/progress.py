"""How far a compaction is, and what it has done or would do."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Stage(StrEnum):
    """What a compaction does at the moment."""

    IDS = "command ids"
    REFUSALS = "refusals"
    SNAPSHOTS = "snapshots"
    COPYING = "copying"
    COMPARING = "comparing"


class Progress(NamedTuple):
    """How far a stage is."""

    stage: Stage
    done: int
    """Commits, or rows."""
    total: int
    """How many there are; as many as `done` if that is not known."""

    def __str__(self) -> str:
        return f"{self.done:,} of {self.total:,}" if self.total > self.done else f"{self.done:,}"


Show: TypeAlias = Callable[[Progress], None]
"""Is told of the progress a few times a second."""


class Part(NamedTuple):
    """Rows or records of one kind that are dropped, or would be."""

    many: int = 0
    bytes: int = 0
    """What they take: as much becomes free, in whole pages."""

    def plus(self, more: Part) -> Part:
        """Return the sum of both."""
        return Part(self.many + more.many, self.bytes + more.bytes)


class Stopped(Exception):
    """The user wants to stop; what was done so far stays done."""
