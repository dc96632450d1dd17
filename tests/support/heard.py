"""A listener that notes what it was told."""

from __future__ import annotations

from collections.abc import Sequence

from comity.engine import Event, Recorded
from comity.readmodels.projecting.listener import Listener


class Heard(Listener):
    """Every position, in the order in which it came."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Note them."""
        self.positions += [at.position for at in batch]
