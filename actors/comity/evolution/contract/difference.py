"""A difference between a contract and today's classes: what it breaks, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Broken(StrEnum):
    """What a change breaks."""

    STORED_EVENTS = "stored events"
    """Today's classes cannot read events that a journal may have."""
    OLDER_PROGRAMS = "older programs"
    """Programs that were promised to read today's events cannot, or would miss values."""
    OLDER_CLIENTS = "older clients"
    """Commands that a client or queue may still send cannot be read."""
    MERGING = "what merges"
    """A command has another result for an event that its sender has not seen."""
    ROWS = "rows"
    """Programs that read the rows of a read model get others."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between a contract and today's classes."""

    where: str
    """What differs: `board, event CardMoved, schema version 2`."""
    said: str
    """How it differs, as a sentence."""
    remedy: str = ""
    """What to do; "" if there is nothing to do but to write the contract anew."""
    breaks: Broken | None = None
    """What it breaks; None if the change is safe."""
    message: tuple[str, ...] | None = None
    """The decider and stored name of the event or command that it is about, if it breaks one; of a
    process its name, and that of the event or decider."""

    def __str__(self) -> str:
        """The difference on one line."""
        return f"{self.where}: {self.said}" + (f"; {self.remedy}" if self.remedy else "")
