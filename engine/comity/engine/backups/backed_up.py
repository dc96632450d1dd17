"""The results of a backup and of a restore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Holds:
    """What a backup, or a restored journal, holds."""

    journal: str
    """The name of the journal, which copies keep."""
    commits: int
    commands: int
    """Commands recorded, refusals included."""
    position: int
    """The position of the last event."""
    time: int
    """When the last command was decided, in microseconds since 1970; 0 without commands."""
    outlets: Sequence[str]
    """The outlets whose ledgers are in it."""


@dataclass(frozen=True)
class BackedUp:
    """What a backup did."""

    complete: bool
    """Whether it reached the journal's end as of its beginning; if not, it was stopped: what the
    backup holds is sound, and the next one goes on."""
    holds: Holds
    """What the backup holds now."""
    commits: int
    """How many commits were copied this time."""
    commands: int
    position: int
    """The position up to which the backup reached before."""
    size: int
    """Bytes of these commits."""
    snapshots: int
    """How many snapshots of aggregates were copied with them."""
    read_back: int
    """How many commits were read back, with all checksums."""
    failed_ledgers: Mapping[str, str]
    """The outlets whose ledgers could not be read, with the reasons. The backup keeps those of the
    backup before, if it had them."""
    seconds: float


@dataclass(frozen=True)
class Lacking:
    """What a restored journal lacks beside the original, which is still there."""

    original: Path
    commits: int = 0
    commands: int = 0
    positions: int = 0
    """How many positions later the original ends: so many events, unless positions have gaps."""
    time: int = 0
    """When the last command of the original was decided, in microseconds since 1970."""
    why_unknown: str = ""
    """Why it cannot be told; empty if it can."""


@dataclass(frozen=True)
class Restored:
    """What a restore did, or found with `check_backup`."""

    holds: Holds
    complete: bool
    """Whether the last backup into this place was not interrupted."""
    backed_up: int
    """When the last complete backup ended, in microseconds since 1970; 0 if none did."""
    path: Path | None
    """The new journal; None if the backup was only checked."""
    branch: str
    """The name of the new journal's branch; empty if the backup was only checked."""
    size: int
    """Bytes of commits."""
    lacking: Lacking | None
    """None if there is no original to compare with."""
    seconds: float
