"""A line of an experiment: its subject, its figure, and today's figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias


@dataclass(frozen=True)
class Finding:
    """A figure, or only a fact."""

    what: str
    figure: float | None = None
    unit: str = ""
    beside: float | None = None
    """The figure of today's solution, measured in the same run."""
    note: str = ""
    """The checks, and further facts."""

    @property
    def ratio(self) -> float | None:
        """The figure divided by today's."""
        return self.figure / self.beside if self.figure is not None and self.beside else None

    def as_json(self) -> dict[str, Any]:
        """The value as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the result of `as_json`."""
        return cls(**data)


Experiment: TypeAlias = Callable[[Path, float], list[Finding]]
"""An experiment's `run(folder, seconds)`: an empty folder, and the length of each window."""
