"""What can be played: a scenario, or a recorded history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from comity.engine.merging.decider import AggregateType
from comity.simulation.records.run import Run


class Playable(Protocol):
    """Plays people under the rules that it is given."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    @property
    def deciders(self) -> Sequence[AggregateType]:
        """The deciders with the domain's own rules."""
        ...

    @property
    def people(self) -> int:
        """How many people there are."""
        ...

    def play(
        self,
        seed: int = ...,
        *,
        people: int | None = None,
        hours: float | None = None,
        deciders: Sequence[AggregateType] | None = None,
        policy: str = ...,
        progress: Callable[[float, int], None] | None = None,
    ) -> Run:
        """Play it once. See `Scenario.play`."""
        ...
