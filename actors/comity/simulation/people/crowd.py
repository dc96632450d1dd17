"""A crowd: people who play the same script, and how they arrive."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TypeAlias, cast

from comity.engine.errors import WiringError
from comity.simulation.people.network import Network, Seconds, check_seconds, drawn
from comity.simulation.people.person import Person
from comity.simulation.runtime.dice import Dice

Script: TypeAlias = Callable[[Person], Coroutine[object, None, None]]
"""What a person does: an `async def` function of a person."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Some people who play the same script.

    Args:
        script: what each of them does: `async def editor(person: Person) -> None`.
        people: how many there are.
        name: their name; by default the script's. The people are called `editor 1`, `editor 2`.
        arrive: seconds from the beginning until a person arrives, or a function that draws them.
            By default all are there at once; `lambda dice: dice.uniform(0, 600)` spreads them.
        gap: seconds between one person's arrival and the next, added to `arrive`, or a function
            that draws them: `lambda dice: dice.exponential(30)` is a Poisson process.
        network: the network of this crowd, if it is not the scenario's.

    Raises:
        WiringError: the script is no `async def` function, or the number is below 0.
    """

    script: Script
    people: int = 1
    name: str = ""
    arrive: Seconds = 0.0
    gap: Seconds = 0.0
    network: Network | None = None

    def __post_init__(self) -> None:
        if not (inspect.iscoroutinefunction(self.script) and _takes_one(self.script)):
            msg = (
                "Crowd: expected an `async def` function with one parameter, the person, got "
                f"{self.script!r:.100}"
            )
            raise WiringError(msg)
        if type(cast("object", self.people)) is not int or self.people < 0:
            msg = f"Crowd.people: expected a whole number, 0 or more, got {self.people!r:.100}"
            raise WiringError(msg)
        check_seconds(self.arrive, "Crowd.arrive")
        check_seconds(self.gap, "Crowd.gap")
        if not self.name:
            name: object = getattr(self.script, "__name__", "person")  # a partial has none
            object.__setattr__(self, "name", str(name))

    def arrivals(self, seed: int, people: int) -> list[tuple[str, float]]:
        """Return the names of so many people, and when each arrives, in seconds."""
        arriving: list[tuple[str, float]] = []
        gaps = 0.0
        for number in range(1, people + 1):
            name = f"{self.name} {number}"
            dice = Dice(seed, f"arrival of {name}")
            arriving.append((name, max(0.0, gaps + drawn(self.arrive, dice))))
            gaps += max(0.0, drawn(self.gap, dice))
        return arriving


def _takes_one(script: Callable[..., object]) -> bool:
    """Whether the script can be called with a person."""
    try:
        inspect.signature(script).bind("person")
    except TypeError:
        return False
    return True
