"""What is measured: each case, who takes part, and how often."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

from benchmarks.contender import CONTENDERS, FLOORS
from benchmarks.job import Case
from benchmarks.shape import SHAPES

RIVALS: Final[Sequence[str]] = ("comity", "SQLite, group commit")
_BLOCKING: Final[Sequence[str]] = (
    "SQLite, lock per board", "eventsourcing, tuned", "eventsourcing, as installed",
    "UmaDB", "eventsource-py",
)  # fmt: skip


class Item(NamedTuple):
    """A case, and who takes part."""

    case: Case
    contenders: Sequence[str]


class Plan(NamedTuple):
    """A whole run."""

    name: str
    items: Sequence[Item]
    rounds: int
    seconds: float
    """For each measured window."""

    def only(self, names: Sequence[str]) -> Plan:
        """With those cases alone whose name has one of these in it."""
        kept = [item for item in self.items if any(name in item.case.name for name in names)]
        return self._replace(items=kept)

    def without(self, names: Sequence[str]) -> Plan:
        """Without these contenders."""
        kept = [
            Item(item.case, [one for one in item.contenders if one not in names])
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


def full() -> Plan:
    """Everything; some hours."""
    return Plan("full", [*_boards(), *_beside(), *_others(quick=False)], rounds=7, seconds=3.0)


def quick() -> Plan:
    """What matters most, briefly: about two minutes on a quiet machine."""
    quick_ones = [name for name in CONTENDERS if name != "eventsource-py"]  # it takes 10 s for 64
    items = [
        Item(
            board_case("a", "threads", read_model=False),
            [*RIVALS, "eventsource-py", "raw LMDB"],
        ),
        Item(board_case("b", "asyncio", read_model=False), [*quick_ones, *FLOORS]),
        Item(board_case("b", "threads", read_model=False), RIVALS),
        Item(board_case("b", "pipelined", read_model=False), [*RIVALS, "raw LMDB"]),
        Item(board_case("c", "asyncio", read_model=True), [*RIVALS, "eventsourcing, tuned"]),
        Item(board_case("d", "asyncio", read_model=False), RIVALS),
        *_others(quick=True),
    ]
    return Plan("quick", items, rounds=2, seconds=0.5)


def _boards() -> list[Item]:
    items: list[Item] = []
    for shape, read_model in itertools.product(SHAPES, (False, True)):
        for mode in ("threads", "asyncio") if shape == "a" else ("threads", "asyncio", "pipelined"):
            names: list[str] = [*RIVALS]
            if mode != "pipelined":
                names.extend(_BLOCKING)
            if not read_model:
                names.extend(FLOORS)
            items.append(Item(board_case(shape, mode, read_model=read_model), names))
    return items


def _beside() -> list[Item]:
    """Beside one thread of the host that computes and never waits."""
    items: list[Item] = []
    for mode, (label, interval) in itertools.product(
        ("asyncio", "threads"), (("", 0.0), ("switch interval 0.5 ms", 0.0005))
    ):
        text = f"beside a computing thread{', ' if label else ''}{label}"
        case = board_case(
            "b", mode, read_model=False, label=text, beside="computing", switch_interval=interval
        )
        items.append(Item(case, RIVALS))
    return items


def _others(*, quick: bool) -> list[Item]:
    return []
