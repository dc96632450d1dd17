"""The sizes that a plan measures: of histories, journals and aggregates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

from benchmarks.job import Case
from benchmarks.plan import Item, Option, alone

_LARGE: Final = 100_000
"""From this size on, in events or aggregates, some plans run one round, since filling is slow."""
_RIVALS: Final = ("comity", "SQLite, group commit")


class Sizes(NamedTuple):
    """The sizes of one plan; `items` makes its cases."""

    behind: Sequence[int]
    """The numbers of unseen events."""
    clients: Sequence[int]
    """The numbers of clients against a version column."""
    cold: Sequence[tuple[int, int]]
    """The numbers of events of an aggregate, and the number of aggregates measured."""
    start_up: int
    live: int
    known: int
    disk: int
    disk_peers: Sequence[str]
    growth: Sequence[int]
    """The numbers of aggregates, with one event each."""
    growth_events: Sequence[int]
    large_once: bool = False
    """Whether large data are measured only in the first round."""

    def items(self) -> list[Item]:
        """All cases with a size."""
        return [
            *self._merging(),
            *self._version_column(),
            *[alone("voter", f"views {behind} old", {"behind": behind}) for behind in (0, 50)],
            *self._cold(),
            alone("start-up", "after kill -9", {"at": self.start_up}, self._rounds(self.start_up)),
            *self._room(),
            *self._growth(),
        ]

    def growing(self) -> list[Item]:
        """Those in which data grow, and the room that they take."""
        return [*self._room(), *self._growth()]

    def _rounds(self, size: int) -> int:
        return 1 if self.large_once and size >= _LARGE else 0

    def _merging(self) -> list[Item]:
        axis = "events that the sender had not seen"
        items = [
            alone("merging", "none unseen",
                  {"kind": "commuting", "behind": 0, "axis": axis, "line": "none unseen", "at": 1})
        ]  # fmt: skip
        for kind, unseen in itertools.product(("commuting", "rebasing", "refusing"), self.behind):
            options: dict[str, Option] = {
                "kind": kind, "behind": unseen, "axis": axis, "line": kind, "at": unseen,
            }  # fmt: skip
            items.append(alone("merging", f"{kind}, {unseen} unseen", options))
        return items

    def _version_column(self) -> list[Item]:
        items: list[Item] = []
        for clients, behind in itertools.product(self.clients, (1, 50)):
            who = f"{clients} clients" if clients > 1 else "1 client"
            name = f"against a version column, {behind} unseen, {who}"
            case = Case("merging", name, {"clients": clients, "behind": behind})
            items.append(Item(case, _RIVALS))
        return items

    def _cold(self) -> list[Item]:
        items: list[Item] = []
        for (events, boards), snapshot in itertools.product(self.cold, (False, True)):
            line = "with a snapshot" if snapshot else "from events alone"
            options: dict[str, Option] = {
                "axis": "events of the aggregate", "line": line, "at": events,
                "boards": boards, "snapshot": snapshot,
            }  # fmt: skip
            name = f"{events:,} events, {line}"
            items.append(alone("cold", name, options, self._rounds(events)))
        return items

    def _room(self) -> list[Item]:
        live: dict[str, Option] = {"aggregates": self.live, "live": True}
        known: dict[str, Option] = {"aggregates": self.known, "live": False}
        disk = Case("disk", "boards of a hundred", {"events": self.disk})
        return [
            alone("memory", "live", live, self._rounds(self.live)),
            alone("memory", "only known", known, self._rounds(self.known)),
            Item(disk, self.disk_peers, self._rounds(self.disk)),
        ]

    def _growth(self) -> list[Item]:
        items: list[Item] = []
        for boards in self.growth:
            options: dict[str, Option] = {
                "axis": "aggregates", "line": "one event each", "at": boards,
                "boards": boards, "each": 1,
            }  # fmt: skip
            items.append(alone("growth", f"{boards:,} aggregates", options, self._rounds(boards)))
        for events in self.growth_events:
            options = {
                "axis": "events in the journal", "line": "1,000 aggregates", "at": events,
                "boards": 1_000, "each": events // 1_000,
            }  # fmt: skip
            items.append(alone("growth", f"{events:,} events", options, self._rounds(events)))
        return items


QUICK: Final = Sizes(
    behind=(1, 50), clients=(64,), cold=((10, 20), (1_000, 5)), start_up=20_000,
    live=5_000, known=5_000, disk=2_000, disk_peers=_RIVALS,
    growth=(10, 1_000), growth_events=(1_000, 100_000),
)  # fmt: skip
STANDARD: Final = Sizes(
    behind=(1, 10, 50), clients=(1, 64), cold=((10, 100), (1_000, 20), (100_000, 3)),
    start_up=1_000_000, live=100_000, known=300_000, disk=20_000,
    disk_peers=(*_RIVALS, "SQLite, lock per board", "UmaDB"),
    growth=(10, 1_000, 100_000), growth_events=(1_000, 100_000, 1_000_000), large_once=True,
)  # fmt: skip
FULL: Final = Sizes(
    behind=(1, 5, 10, 20, 50), clients=(1, 64), cold=((10, 100), (1_000, 20), (100_000, 3)),
    start_up=1_000_000, live=100_000, known=1_000_000, disk=100_000,
    disk_peers=(*_RIVALS, "SQLite, lock per board", "UmaDB"),
    growth=tuple(10**power for power in range(1, 7)),
    growth_events=tuple(10**power for power in range(3, 8)),
)  # fmt: skip
GROWTH: Final = FULL._replace(
    growth=(10, 1_000, 100_000, 1_000_000), growth_events=(1_000, 1_000_000, 10_000_000),
    disk=20_000, large_once=True,
)  # fmt: skip
"""With the small sizes in each round, beside which the large ones are measured once."""
