"""The status of an outlet, for the host, the command line and other processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from comity.actors.delivering.breaker import BreakerState

OutletState: TypeAlias = Literal[
    "following", "catching up", "resting", "standby", "paused", "stopped", "waiting"
]
"""`following`: up to date, or nearly. `catching up`: events wait to be delivered. `resting`: most
deliveries fail, so all of them rest and are probed. `standby`: another program delivers; this one
takes over when that one ends. `paused`: the host has paused it. `waiting`: the disk is full or
failed; it tries again. `stopped`: it cannot go on; `error` says why, and what to do."""


@dataclass(frozen=True, slots=True)
class OutletStatus:
    """The status of one outlet at one moment."""

    name: str
    state: OutletState
    position: int
    """Each event up to this position is delivered, waits, is parked, or is not wanted."""
    lag_events: int
    """How many events the journal has after this position."""
    lag_seconds: float
    """The age in seconds of the first of them; 0 if there is none."""
    oldest: datetime | None
    """When the oldest event was recorded that is neither delivered nor parked; None without one."""
    in_flight: int
    """How many deliveries are under way."""
    waiting: int
    """How many keys back off after a failure."""
    waiting_events: int
    """How many events wait behind those failures, them included."""
    parked: int
    """How many events are parked."""
    parked_keys: int
    delivered: int
    """How many deliveries have succeeded, since the outlet began."""
    failed: int
    """How many have failed, since it was opened here."""
    given_up: int
    """How many parked events were given up."""
    breaker: BreakerState
    rests_until: datetime | None
    """When the next probe is made, while it rests."""
    error: str
    """Why it does not go on, or why the last delivery failed; empty otherwise."""
    start: int | None
    """The position after which it began; None if that is not known here."""
    led_by: str = ""
    """The process that delivers, in words; empty if this one does, or if it is not known."""
    again: int = 0
    """How many deliveries since the journal was restored from a backup may repeat earlier ones."""
