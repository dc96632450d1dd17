"""The status of a read model, for statistics, the command line and other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from comity.actors.projecting.progress import Progress

ModelState: TypeAlias = Literal[
    "following", "catching up", "rebuilding", "paused", "waiting", "stopped"
]
"""`following`: up to date, or nearly. `catching up`: events wait. `rebuilding`: a new generation is
being built, and until then none or an older one answers, which is not kept up to date. `paused`:
the host has paused it. `waiting`: it failed and will try again. `stopped`: it cannot go on; `error`
says why."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The status of one model at one moment."""

    name: str
    state: ModelState
    position: int
    """The tables include all events up to this position."""
    lag_events: int
    lag_seconds: float
    rows: Mapping[str, int]
    """The number of rows of each table."""
    size: int
    """Bytes on the disk."""
    error: str
    """Why the model does not go on; empty while it does."""
    parked: int
    """The number of parked events."""
    rebuilt: float | None
    """The part of the journal that a rebuild has taken, from 0 to 1; None without a rebuild."""
    progress: Progress | None
    """How far a rebuild is, its events per second and the seconds left; None without a rebuild."""
    led_by: str = ""
    """The process that leads the model; empty if this one does. A standby sees neither a pause nor
    a rebuild of its leader."""
