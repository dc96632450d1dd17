"""How a read model stands, for statistics, the command line and other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

ModelState: TypeAlias = Literal[
    "following", "catching up", "rebuilding", "paused", "waiting", "stopped"
]
"""`following`: up to date, or nearly. `catching up`: events wait. `rebuilding`: an older generation
answers, and is not kept up to date, while a new one is built. `paused`: on demand. `waiting`: it
will try again. `stopped`: it cannot go on; `error` says why."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model at this moment."""

    name: str
    state: ModelState
    position: int
    """The tables are what the journal's events up to here come to."""
    lag_events: int
    lag_seconds: float
    rows: Mapping[str, int]
    """By table."""
    size: int
    """Bytes on the disk."""
    error: str
    """Why it does not go on; empty while it does."""
    parked: int
    """Events that are parked."""
    rebuilt: float | None
    """While a new generation is built: which part of the journal it has, from 0 to 1."""
