"""A plan: cases, who takes part in each, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from benchmarks.job import Case

Option: TypeAlias = str | float | bool


class Item(NamedTuple):
    """A case, and who takes part."""

    case: Case
    contenders: Sequence[str]
    rounds: int = 0
    """In so many alone, the first ones; 0: in all."""


class Plan(NamedTuple):
    """A whole run."""

    name: str
    items: Sequence[Item]
    rounds: int
    seconds: float
    """For each measured window."""
    reading: Sequence[str] | None = None
    """How the read side's own benchmark is called; None: it is not."""
    experiments: Sequence[str] = ()
    """By name."""

    def only(self, names: Sequence[str]) -> Plan:
        """With those cases alone whose name has one of these in it; `reading` is one as well."""
        kept = [item for item in self.items if any(name in item.case.name for name in names)]
        return self._replace(
            name="part",
            items=kept,
            reading=self.reading if "reading" in names else None,
            experiments=[one for one in self.experiments if any(name in one for name in names)],
        )

    def without(self, names: Sequence[str]) -> Plan:
        """Without these contenders."""
        kept = [
            item._replace(contenders=[one for one in item.contenders if one not in names])
            for item in self.items
        ]
        return self._replace(items=[item for item in kept if item.contenders])


def board_case(
    shape: str, mode: str, *, read_model: bool, label: str = "", **more: str | float
) -> Case:
    """The board in one shape, one mode."""
    also = ", read model" if read_model else ""
    extra = f", {label}" if label else ""
    options = {"shape": shape, "mode": mode, "read_model": read_model, **more}
    return Case("board", f"{shape}, {mode}{also}{extra}", options)


def alone(workload: str, variant: str, options: Mapping[str, Option], rounds: int = 0) -> Item:
    """What only comity does."""
    return Item(Case(workload, variant, options), ["comity"], rounds)
