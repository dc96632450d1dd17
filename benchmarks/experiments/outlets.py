"""What an outlet costs whose service is down, and how much one delivers to a slow service."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.experiments.finding import Finding
from benchmarks.experiments.ways import Rename, Renamed, board
from benchmarks.proof import Wrong
from comity.actors import Delivery, Domain, Outlet

_ROUNDS: Final = 9
_LONG: Final = 0.5
"""Seconds of a window from which the figures mean something."""
_SENDERS: Final = {
    "512 commands in flight": (512, 1),
    "one command at a time to 50 boards": (1, 50),
    "one command at a time to one board": (1, 1),
}
"""How many senders, and how many boards each of them has; a board is a key."""
_KEYS: Final = 200
_SLOW: Final = 0.05
_AT_ONCE: Final = 64


class Down(Outlet[Renamed]):
    """Its service never answers."""

    start = "now"

    async def deliver(self, event: Renamed, at: Delivery[Renamed]) -> None:
        """Fail."""
        raise ConnectionError("connection refused")


class Slow(Outlet[Renamed]):
    """Its service takes 50 ms."""

    start = "beginning"
    at_once = _AT_ONCE

    def __init__(self) -> None:
        self.versions: dict[str, list[int]] = defaultdict(list)

    async def deliver(self, event: Renamed, at: Delivery[Renamed]) -> None:
        """Take 50 ms."""
        await asyncio.sleep(_SLOW)
        self.versions[at.aggregate.key].append(at.version)


class Round(NamedTuple):
    """The figures of one round."""

    rate: float
    p99: float
    cpu: float
    """Microseconds of this process for each command."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """Medians of nine rounds in turn, with and without an outlet; then the slow service."""
    return [
        finding
        for name, (senders, boards) in _SENDERS.items()
        for finding in _down(folder, name, senders, boards, seconds)
    ] + [_slow(folder / "slow", seconds)]


def _down(folder: Path, name: str, senders: int, boards: int, seconds: float) -> list[Finding]:
    rounds: dict[str, list[Round]] = {"without": [], "with": []}
    for number in range(_ROUNDS if seconds >= _LONG else 1):
        for way, outlets in (("without", []), ("with", [Down()])):
            path = folder / f"{senders}-{boards}-{way}-{number}"
            with Domain.open(path, deciders=[board], outlets=outlets) as domain:
                asyncio.run(_work(domain, senders, boards, seconds / 4))
                rounds[way].append(asyncio.run(_work(domain, senders, boards, seconds)))
                if outlets and domain.outlets()[0].delivered:
                    raise Wrong("a service that is down has accepted something")
    rates = {way: median(one.rate for one in each) for way, each in rounds.items()}
    tails = {way: median(one.p99 for one in each) for way, each in rounds.items()}
    works = {way: median(one.cpu for one in each) for way, each in rounds.items()}
    return [
        Finding(f"{name}, {said}", figures["with"], unit, figures["without"],
                f"{figures['without']:,.2f} without an outlet")
        for said, unit, figures in (
            ("commands/s beside a dead service", "/s", rates),
            ("p99 beside a dead service", "ms", tails),
            ("CPU for a command beside a dead service", "µs", works),
        )
    ]  # fmt: skip


async def _work(domain: Domain, senders: int, boards: int, seconds: float) -> Round:
    times: list[float] = []
    until = time.perf_counter() + seconds
    began, cpu = time.perf_counter(), time.process_time()

    async def send(number: int) -> None:
        cards, turn = [domain.aggregate(board, f"b{number}-{one}") for one in range(boards)], 0
        while (now := time.perf_counter()) < until or not turn:
            turn += 1
            await cards[turn % boards].send(Rename(card="c", title=f"{now} {turn}"))
            times.append(time.perf_counter() - now)

    await asyncio.gather(*(send(number) for number in range(senders)))
    took = time.perf_counter() - began
    times.sort()
    cpu = (time.process_time() - cpu) / len(times) * 1e6
    return Round(len(times) / took, times[int(len(times) * 0.99)] * 1e3, cpu)


def _slow(folder: Path, seconds: float) -> Finding:
    events = (20 * max(1, int(seconds)) if seconds >= _LONG else 2) * _KEYS
    with Domain.open(folder, deciders=[board]) as domain:
        for key in range(_KEYS):
            cards = domain.aggregate(board, f"b{key}")
            cards.send_many(
                [Rename(card="c", title=f"{title}") for title in range(events // _KEYS)]
            ).result(60)
    slow = Slow()
    with Domain.open(folder, deciders=[board], outlets=[slow]) as domain:
        began = time.perf_counter()
        while domain.outlet(slow).status().delivered < events:
            time.sleep(0.01)
        took = time.perf_counter() - began
    for name, versions in slow.versions.items():
        if versions != [*range(1, events // _KEYS + 1)]:
            raise Wrong(f"{name} was delivered as {versions}")
    return Finding(
        "deliveries to a service of 50 ms, 64 at once", events / took, "/s", _AT_ONCE / _SLOW,
        f"{events:,} events of {_KEYS} keys, each in order",
    )  # fmt: skip
