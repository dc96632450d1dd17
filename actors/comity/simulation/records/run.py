"""A whole run of a simulation: what was played, by which seed, and each attempt."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from comity.simulation.records.attempt import Attempt


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed."""

    kind: str
    """The name of the broken promise, invariant or error, for example `InvariantBroken`."""
    text: str
    """What was expected, and what came."""
    time: float
    """Seconds since the beginning of the run."""
    step: int
    """The step of the runtime at which it was found."""


@dataclass(frozen=True, slots=True)
class Run:
    """The result of playing a scenario once."""

    scenario: str
    policy: str
    """The name of the rules that were played; `own rules` by default."""
    seed: int
    people: int
    seconds: float
    """The simulated time."""
    took: float
    """The real time, in seconds."""
    steps: int
    """Turns, timers and steps of people."""
    trace: str
    """A hash of all steps and of the final states: the same for the same seed. Empty in real
    time."""
    attempts: tuple[Attempt, ...]
    story: tuple[str, ...] = ()
    """What happened besides the attempts, in sentences: faults, crashes, people who went offline.
    Each begins with its time."""
    failure: Failure | None = None
    interrupted: bool = False
    """Whether Ctrl-C ended the run early; then all this is about the part that ran."""

    @property
    def outcomes(self) -> Counter[str]:
        """How many attempts had each outcome."""
        return Counter(attempt.outcome for attempt in self.attempts)
