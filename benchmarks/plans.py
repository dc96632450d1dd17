"""The plans: `--quick`, `--standard`, `--growth`, and the full one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from benchmarks import recorded
from benchmarks.contender import CONTENDERS, FLOORS
from benchmarks.experiments.trial import QUESTIONS
from benchmarks.job import Case
from benchmarks.plan import Item, Plan, board_case
from benchmarks.shape import SHAPES
from benchmarks.sizes import FULL, GROWTH, QUICK, STANDARD

RIVALS: Final[Sequence[str]] = ("comity", "SQLite, group commit")
_SLOW: Final[Sequence[str]] = ("eventsourcing, as installed", "eventsource-py")
"""A few commands per second with many clients; eventsource-py takes 10 s to answer 64 of them."""
_BLOCKING: Final[Sequence[str]] = (
    "SQLite, lock per board", "eventsourcing, tuned", "UmaDB", *_SLOW,
)  # fmt: skip
_OTHERS: Final = [name for name in CONTENDERS if name not in _SLOW]

_UVLOOP: Final = [
    Item(board_case("b", "uvloop", read_model=False), RIVALS),
    Item(board_case("c", "uvloop", read_model=True), RIVALS),
]
"""The contenders to compare with uvloop; others wait in threads with any loop."""


def full() -> Plan:
    """Everything; some hours."""
    return Plan(
        "full",
        [*_boards(), *_UVLOOP, *_beside(("asyncio", "threads"), (0.0, 0.0005)),
         *FULL.items(), *recorded.items(quick=False)],
        rounds=7, seconds=3.0, reading=[],
    )  # fmt: skip


def standard() -> Plan:
    """All of the project's goals, in about 15 minutes on a quiet machine."""
    tuned = [*RIVALS, "eventsourcing, tuned"]
    items = [
        _with_floors(board_case("a", "threads", read_model=False), _OTHERS, _SLOW),
        _with_floors(board_case("b", "asyncio", read_model=False), _OTHERS, _SLOW),
        _with_floors(board_case("b", "threads", read_model=False), _OTHERS, _SLOW),
        _with_floors(board_case("b", "pipelined", read_model=False), RIVALS),
        Item(board_case("c", "asyncio", read_model=True), tuned),
        Item(board_case("d", "asyncio", read_model=True), tuned),
        _with_floors(board_case("c", "pipelined", read_model=False), RIVALS),
        *_UVLOOP,
        *_beside(("asyncio",), (0.0, 0.0005)),
        *STANDARD.items(),
        *recorded.items(quick=False, rounds=1),
    ]
    reading = ["--standard", "--only", "query", "rebuild"]
    return Plan("standard", items, rounds=3, seconds=1.0, reading=reading, experiments=["stages"])


def growth() -> Plan:
    """To a million aggregates and ten million events; the memory and the disk they take."""
    return Plan("growth", GROWTH.growing(), rounds=3, seconds=1.5)


def quick() -> Plan:
    """The most important cases, in about two minutes on a quiet machine."""
    items = [
        Item(
            board_case("a", "threads", read_model=False),
            [*RIVALS, "eventsource-py", "raw LMDB"],
        ),
        _with_floors(board_case("b", "asyncio", read_model=False), _OTHERS, _SLOW[:1]),
        _UVLOOP[0],
        Item(board_case("b", "threads", read_model=False), RIVALS),
        Item(board_case("b", "pipelined", read_model=False), [*RIVALS, "raw LMDB"]),
        Item(board_case("c", "asyncio", read_model=True), [*RIVALS, "eventsourcing, tuned"]),
        Item(board_case("d", "asyncio", read_model=False), RIVALS, 1),
        *[item._replace(rounds=1) for item in (*QUICK.items(), *recorded.items(quick=True))],
    ]
    return Plan("quick", items, rounds=2, seconds=0.5, reading=["--quick", "--only", "query"])


def experiments() -> Plan:
    """Only the experiments, each once, in about a minute."""
    return Plan("experiments", [], rounds=1, seconds=0.6, experiments=list(QUESTIONS))


def _with_floors(case: Case, names: Sequence[str], slow: Sequence[str] = ()) -> Item:
    """A case with these contenders and the floors. The slow ones are measured once.

    So are the floors after the first: the machine's own rates, which no goal refers to.
    """
    _, *others = FLOORS
    return Item(case, [*names, *slow, *FLOORS], once=[*slow, *others])


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


def _beside(modes: Sequence[str], intervals: Sequence[float]) -> list[Item]:
    """Cases beside a host's thread that computes without waiting; interval 0 is Python's own."""
    items: list[Item] = []
    for mode, interval in itertools.product(modes, intervals):
        label = f", switch interval {interval * 1e3:g} ms" if interval else ""
        case = board_case(
            "b", mode, read_model=False, label=f"beside a computing thread{label}",
            beside="computing", switch_interval=interval,
        )  # fmt: skip
        items.append(Item(case, RIVALS))
    return items
