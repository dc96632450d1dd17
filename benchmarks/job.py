"""A job for one process, and its result. Both are passed as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from benchmarks.latency import Latency


@dataclass(frozen=True)
class Case:
    """A measurement, independent of the contender."""

    workload: str
    variant: str
    """Its name within the workload: `b, asyncio`, or `100,000 events`."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """Its name in the report."""
        return f"{self.workload}: {self.variant}"


@dataclass(frozen=True)
class Job:
    """One case for one contender in one round."""

    case: Case
    contender: str
    seconds: float
    """Seconds to measure, after a warm-up of a third of that."""
    hints: Mapping[str, float] = field(default_factory=dict[str, float])
    """Facts from an earlier run of the round: floors use comity's batch size."""

    def as_json(self) -> dict[str, Any]:
        """The job as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the result of `as_json`."""
        made = cls(**data)
        return replace(made, case=Case(**data["case"]))


@dataclass(frozen=True)
class Result:
    """The result of a job. A job with a wrong state has none."""

    figure: float
    unit: str
    proof: str
    """The checks, as a sentence."""
    facts: Mapping[str, float] = field(default_factory=dict[str, float])
    latency: Latency | None = None

    def as_json(self) -> dict[str, Any]:
        """The value as JSON."""
        return {
            "figure": self.figure,
            "unit": self.unit,
            "proof": self.proof,
            "facts": dict(self.facts),
            "latency": self.latency.as_json() if self.latency else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the result of `as_json`."""
        latency = Latency.from_json(data["latency"]) if data["latency"] else None
        return cls(data["figure"], data["unit"], data["proof"], data["facts"], latency)
