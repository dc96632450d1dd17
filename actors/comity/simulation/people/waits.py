"""What a person's script waits for. The script yields it, and a driver resumes the script.

So the same script can be played in virtual time, on a thread, or in an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from comity.actors.runtime.pending import Pending


@dataclass(frozen=True, slots=True)
class Pause:
    """Waits for some seconds."""

    seconds: float
    thinks: bool = False
    """Whether the person thinks; else a message is on its way."""

    def __await__(self) -> Generator[Wait, None, None]:
        yield self


@dataclass(frozen=True, slots=True)
class Answered:
    """Waits until all these answers are there, at most `seconds`."""

    pendings: Sequence[Pending[object]]
    seconds: float

    def __await__(self) -> Generator[Wait, None, None]:
        yield self


@dataclass(frozen=True, slots=True)
class Until:
    """Waits until a condition holds. It is asked again whenever somebody has done something."""

    condition: Callable[[], bool]

    def __await__(self) -> Generator[Wait, None, None]:
        yield self


Wait: TypeAlias = Pause | Answered | Until
