"""A whole run of a simulation: what was played, by which seed, and each attempt."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from comity.engine.errors import WiringError
from comity.simulation.records.attempt import Attempt

FORMAT: Final = 1
"""The version of seeds and traces. It changes when a seed would give another run than before."""


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
    shrunk_from: tuple[int, int] | None = None
    """How many people and attempts the run had before it was shrunk; None: it was not."""
    interrupted: bool = False
    """Whether Ctrl-C ended the run early; then all this is about the part that ran."""

    @property
    def seed_text(self) -> str:
        """The seed with its version, to play this run again: `1-7`."""
        return f"{FORMAT}-{self.seed}"

    @property
    def outcomes(self) -> Counter[str]:
        """How many attempts had each outcome."""
        return Counter(attempt.outcome for attempt in self.attempts)


def seed_of(seed: int | str) -> int:
    """Return the number of a seed, which may be the `seed_text` of a run.

    Raises:
        WiringError: it is no seed, or one of another version.
    """
    if isinstance(seed, int):
        return seed
    parts = re.fullmatch(r"(?:(\d+)-)?(-?\d+)", str(seed))
    if parts is None:
        msg = f"seed: expected a number, or a run's seed_text such as 1-7, got {seed!r:.100}"
        raise WiringError(msg)
    if parts[1] is not None and int(parts[1]) != FORMAT:
        msg = (
            f"seed: {seed} was found with version {parts[1]} of the simulation, and would be "
            f"another run in this one ({FORMAT}): play it with that version, or search again"
        )
        raise WiringError(msg)
    return int(parts[2])
