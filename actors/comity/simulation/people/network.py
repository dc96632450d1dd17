"""The network between people and the domain: its delay, and the messages that it loses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

from comity.engine.errors import WiringError
from comity.simulation.runtime.dice import Dice

Seconds: TypeAlias = float | Callable[[Dice], float]
"""A number of seconds, or a function that draws one from a person's dice."""


def check_seconds(seconds: Seconds, name: str) -> None:
    """Check that it is a number of seconds, 0 or more, or a function.

    Raises:
        WiringError: it is neither.
    """
    given = cast("object", seconds)
    if not callable(given) and not (isinstance(given, int | float) and given >= 0):
        msg = f"{name}: expected seconds, or a function of a Dice, got {given!r:.100}"
        raise WiringError(msg)


def drawn(seconds: Seconds, dice: Dice) -> float:
    """Return the number, or draw one."""
    return seconds(dice) if callable(seconds) else seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How messages travel between a person and the domain, in each direction.

    A request that gets no answer in time is sent again with the same id, so that it takes effect
    at most once.

    Attributes:
        delay: seconds that a message travels, or a function that draws them:
            `delay=lambda dice: dice.exponential(0.2)`.
        loss: the part of the messages that is lost, from 0 to 1.
        timeout: seconds without an answer after which a request is sent again.
        tries: how many times a command is sent at most. Then its person gives up.

    Raises:
        WiringError: a value is out of its range.
    """

    delay: Seconds = 0.0
    loss: float = 0.0
    timeout: float = 10.0
    tries: int = 10

    def __post_init__(self) -> None:
        check_seconds(self.delay, "Network.delay")
        if not (isinstance(cast("object", self.loss), int | float) and 0 <= self.loss < 1):
            msg = f"Network.loss: expected a part from 0 to below 1, got {self.loss!r}"
            raise WiringError(msg)
        if self.timeout <= 0 or self.tries < 1:
            msg = (
                "Network: expected a timeout above 0 and at least one try, got "
                f"{self.timeout!r} and {self.tries!r}"
            )
            raise WiringError(msg)

    def travels(self, dice: Dice) -> float:
        """Draw how many seconds a message travels."""
        return max(0.0, drawn(self.delay, dice))

    def loses(self, dice: Dice) -> bool:
        """Draw whether a message is lost."""
        return self.loss > 0 and dice.chance(self.loss)
