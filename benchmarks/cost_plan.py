"""The plan of all costs, for `--costs`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.experiments.stages import CASES
from benchmarks.plan import Item, Option, Plan, alone

_WAYS: Final = {"pipelined": "512 in flight", "in tasks": "64 clients in tasks"}
_MERGING: Final = (
    ("commuting", 0, "none unseen"), ("commuting", 50, "50 unseen, commuting"),
    ("rebasing", 50, "50 unseen, rebasing"), ("refusing", 50, "50 unseen, refusing"),
)  # fmt: skip
_BUILDS: Final = {
    "live": "a command with its row", "first start": "a first start",
    "comity rebuild": "`comity rebuild`",
}  # fmt: skip


def costs() -> Plan:
    """Each cost in five rounds; a job takes one to four seconds, and does its own rounds."""
    return Plan("costs", list(_items()), rounds=5, seconds=1.0)


def _items() -> Iterator[Item]:
    yield _cost("do, alone", of="waiting", flushed=False)
    yield _cost("do, alone, flushed", of="waiting", flushed=True)
    for way, about in _WAYS.items():
        for boards, where in ((1, "one board"), (2_000, "2,000 boards")):
            yield _cost(f"{about}, {where}", of="sending", way=way, boards=boards)
    yield _cost(
        "many on their way and kept, 2,000 boards",
        of="sending", way="pipelined", boards=2_000, keep=True,
    )  # fmt: skip
    for name in CASES:
        yield _cost(f"stages: {name}", of="stages", case=name)
    for kind, behind, about in _MERGING:
        yield _cost(f"merging, {about}", of="merging", kind=kind, behind=behind)
    for way, about in _BUILDS.items():
        yield _cost(f"projecting, {about}", of="projecting", way=way)
    for what in ("a row", "a page"):
        for once, how in ((True, "in one snapshot"), (False, "a snapshot for each")):
            yield _cost(f"{what}, {how}", of="reading", what=what, once=once)
    yield _cost("an update of 1,000 watches of one selection", of="watching")
    yield _cost("loading 20,000 events", of="loading", snapshot=False)
    yield _cost("loading a snapshot at 20,000 events", of="loading", snapshot=True)
    yield _cost("disk, a turn for each command", of="disk", alone=True)
    yield _cost("disk, a hundred commands in a turn", of="disk", alone=False)
    yield _cost("disk, a turn for each command, kept", of="disk", alone=True, keep=True)
    yield _cost("memory of a live aggregate", of="memory", live=True)
    yield _cost("memory of an aggregate that is only known", of="memory", live=False)


def _cost(name: str, **options: Option) -> Item:
    return alone("cost", name, options)
