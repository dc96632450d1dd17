"""One line of an experiment: what was measured, what came out, beside what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias


@dataclass(frozen=True)
class Finding:
    """A figure, or a fact where there is none."""

    what: str
    figure: float | None = None
    unit: str = ""
    beside: float | None = None
    """The same as things are today, measured in the same run."""
    note: str = ""
    """What was checked, and what else is to be known."""

    @property
    def ratio(self) -> float | None:
        """The figure in terms of today's."""
        return self.figure / self.beside if self.figure is not None and self.beside else None

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(**data)


Experiment: TypeAlias = Callable[[Path, float], list[Finding]]
"""An experiment's `run(folder, seconds)`: an empty folder, and for how long each window lasts."""
