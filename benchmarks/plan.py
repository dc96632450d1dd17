"""A plan: cases, the contenders of each, and the number of rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from benchmarks.job import Case

Option: TypeAlias = str | float | bool


class Item(NamedTuple):
    """A case and its contenders."""

    case: Case
    contenders: Sequence[str]
    rounds: int = 0
    """How many of the first rounds it takes part in; 0 means all."""
    once: Sequence[str] = ()
    """Contenders that take part in the first round only."""

    def taking_part(self, number: int) -> Sequence[str]:
        """The contenders that take part in this round; the first is 1."""
        if self.rounds and number > self.rounds:
            return ()
        return [one for one in self.contenders if number == 1 or one not in self.once]


class Plan(NamedTuple):
    """A whole run."""

    name: str
    items: Sequence[Item]
    rounds: int
    seconds: float
    """Seconds of each measured window."""
    reading: Sequence[str] | None = None
    """The options of the read side's own benchmark; None if it does not run."""
    experiments: Sequence[str] = ()
    """By name."""

    def only(self, names: Sequence[str]) -> Plan:
        """Only the cases whose name contains one of these; `reading` counts as a case."""
        kept = [item for item in self.items if any(name in item.case.name for name in names)]
        return self._replace(
            name="part",
            items=kept,
            reading=self.reading if "reading" in names else None,
            experiments=[one for one in self.experiments if any(name in one for name in names)],
        )

    def without(self, names: Sequence[str]) -> Plan:
        """The plan without these contenders."""
        kept = [
            item._replace(contenders=[one for one in item.contenders if one not in names])
            for item in self.items
        ]
        return self._replace(items=[item for item in kept if item.contenders])


def board_case(
    shape: str, mode: str, *, read_model: bool, label: str = "", **more: str | float
) -> Case:
    """A case of the board in one shape and one mode."""
    also = ", read model" if read_model else ""
    extra = f", {label}" if label else ""
    options = {"shape": shape, "mode": mode, "read_model": read_model, **more}
    return Case("board", f"{shape}, {mode}{also}{extra}", options)


def alone(workload: str, variant: str, options: Mapping[str, Option], rounds: int = 0) -> Item:
    """An item with comity only."""
    return Item(Case(workload, variant, options), ["comity"], rounds)
