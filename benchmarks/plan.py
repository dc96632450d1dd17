"""What is measured: each case, who takes part, and how often."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from benchmarks.contender import CONTENDERS, FLOORS
from benchmarks.job import Case
from benchmarks.shape import SHAPES

RIVALS: Final[Sequence[str]] = ("comity", "SQLite, group commit")
_BLOCKING: Final[Sequence[str]] = (
    "SQLite, lock per board", "eventsourcing, tuned", "eventsourcing, as installed",
    "UmaDB", "eventsource-py",
)  # fmt: skip


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

    def only(self, names: Sequence[str]) -> Plan:
        """With those cases alone whose name has one of these in it."""
        kept = [item for item in self.items if any(name in item.case.name for name in names)]
        return self._replace(items=kept)

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
        *[item._replace(rounds=1) for item in _others(quick=True)],
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
    return [
        *_merging((1, 50) if quick else (1, 5, 10, 20, 50)),
        *[_alone("voter", f"views {behind} old", {"behind": behind}) for behind in (0, 50)],
        *_cold(quick=quick),
        _alone("start-up", "after kill -9", {"at": 20_000 if quick else 1_000_000}),
        *_sizes(quick=quick),
        *_growth(quick=quick),
    ]


def _alone(workload: str, variant: str, options: Mapping[str, Option]) -> Item:
    return Item(Case(workload, variant, options), ["comity"])


def _merging(behind: Sequence[int]) -> list[Item]:
    axis = "events that the sender had not seen"
    items = [
        _alone("merging", "none unseen",
               {"kind": "commuting", "behind": 0, "axis": axis, "line": "none unseen", "at": 1})
    ]  # fmt: skip
    for kind, unseen in itertools.product(("commuting", "rebasing", "refusing"), behind):
        options: dict[str, Option] = {
            "kind": kind, "behind": unseen, "axis": axis, "line": kind, "at": unseen,
        }  # fmt: skip
        items.append(_alone("merging", f"{kind}, {unseen} unseen", options))
    return items


def _cold(*, quick: bool) -> list[Item]:
    items: list[Item] = []
    sizes = ((10, 20), (1_000, 5)) if quick else ((10, 100), (1_000, 20), (100_000, 3))
    for (events, boards), snapshot in itertools.product(sizes, (False, True)):
        line = "with a snapshot" if snapshot else "from events alone"
        options: dict[str, Option] = {
            "axis": "events of the aggregate", "line": line, "at": events,
            "boards": boards, "snapshot": snapshot,
        }  # fmt: skip
        items.append(_alone("cold", f"{events:,} events, {line}", options))
    return items


def _sizes(*, quick: bool) -> list[Item]:
    aggregates = 5_000 if quick else 100_000
    live = {"aggregates": aggregates, "live": True}
    known = {"aggregates": aggregates if quick else 1_000_000, "live": False}
    disk = Case("disk", "boards of a hundred", {"events": 2_000 if quick else 100_000})
    return [
        _alone("memory", "live", live),
        _alone("memory", "only known", known),
        Item(disk, RIVALS if quick else [*RIVALS, "SQLite, lock per board", "UmaDB"]),
    ]


def _growth(*, quick: bool) -> list[Item]:
    items: list[Item] = []
    most = 10_000 if quick else 1_000_000
    for power in range(1, 7):
        if (boards := 10**power) <= most:
            options = {"axis": "aggregates", "line": "one event each", "at": boards,
                       "boards": boards, "each": 1}  # fmt: skip
            items.append(_alone("growth", f"{boards:,} aggregates", options))
    for events in (1_000, 10_000, 100_000, 1_000_000, 10_000_000):
        if events <= most * 10:
            options = {"axis": "events in the journal", "line": "1,000 aggregates", "at": events,
                       "boards": 1_000, "each": events // 1_000}  # fmt: skip
            items.append(_alone("growth", f"{events:,} events", options))
    return items[:: 2 if quick else 1]
