"""One command that a person sent in a simulation, and its result."""

from __future__ import annotations

from typing import NamedTuple


class Overlap(NamedTuple):
    """An unseen event that an attempt met at the same path."""

    event: str
    """The stored name of the event's class."""
    who: str
    """The person who caused the event."""
    path: str
    """Where the command and the event overlap, for example `card/c1/title`."""


class Attempt(NamedTuple):
    """One command that a person sent, and its result. Times are seconds since the beginning."""

    number: int
    """The attempts of a run are numbered from 0, in the order in which they were sent."""
    person: str
    aggregate: str
    """Type and key, for example `board/sprint-42`."""
    command: str
    """The name of the command's class."""
    text: str
    """The command with its fields, for stories; at most 200 characters."""
    chosen: float
    """When the person chose the command. A draft is chosen long before it is sent."""
    sent: float
    """When the person sent it first."""
    answered: float | None
    """When the person got the answer; None if none came."""
    seen: int | None
    """The version that the person was looking at."""
    age: float
    """How many seconds old the person's view was when the command was decided or refused."""
    unseen: int
    """How many events the person had not seen, not counting those of its own session."""
    outcome: str
    """An `Outcome` (`applied`, `merged`, `rebased`, `unchanged`, `rejected`, `conflicted`), or the
    name of the error: `Busy`, `OutcomeUnknown`, `Closed`, or `lost` if no answer ever came."""
    version: int | None
    """The version at which it was decided; None if it was not decided."""
    overlaps: tuple[Overlap, ...]
    """The unseen events that clashed with the command."""
    overwritten: tuple[Overlap, ...]
    """Those of `overlaps` whose effect this attempt replaced without asking anybody."""
    rule: str | None
    """The conflict rule that decided; None if nothing clashed, or if nothing was left to do."""
    tries: int
    """How many times it was sent with this id, because the network or the domain failed."""
    again: int | None
    """The number of the refused attempt that the person repeats with this one, after a look."""
    sentence: str
    """The merge report as a sentence; else the error's text."""

    @property
    def refused(self) -> bool:
        """Whether a business rule or a conflict rule refused the command."""
        return self.outcome in {"rejected", "conflicted"}

    @property
    def waited(self) -> float | None:
        """Seconds from sending to the answer; None if no answer came."""
        return None if self.answered is None else self.answered - self.sent
