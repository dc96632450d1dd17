"""Measures the durable write side, and the disk's own rate in the same run.

    python -m benchmarks.write_side [--seconds 3] [--live 100000] [--path DIR] [--json]

It measures 64 asyncio clients that wait for each answer, on one aggregate and on 10,000; one client
with 512 commands in flight; and the memory of live aggregates, each of which gets a second command.
Before the runs it measures the same commands in a plain Python loop, and between them the disk: one
flushed LMDB transaction with one row of 200 bytes. Every run checks the final states; a wrong run
prints nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import lmdb

from comity.actors import Domain, Pending, Policy
from comity.engine import Command, Decider, Event, Key, Receipt, Rejected

CLIENTS = 64
AGGREGATES = 10_000
IN_FLIGHT = 512


class RenameCard(Command):
    """Rename a card."""

    card: Key[str]
    title: str


class CardRenamed(Event):
    """A card was renamed."""

    card: Key[str]
    title: str


@dataclass
class Board:
    """Titles by card."""

    titles: dict[str, str] = field(default_factory=dict[str, str])
    renamed: int = 0


def decide(board: Board, command: RenameCard) -> Iterator[CardRenamed]:
    """Check the rules, and give one event."""
    if not command.title:
        raise Rejected("a card has a title")
    if board.titles.get(command.card) != command.title:
        yield CardRenamed(card=command.card, title=command.title)


def evolve(board: Board, event: CardRenamed) -> Board:
    """Apply the title."""
    board.titles[event.card] = event.title
    board.renamed += 1
    return board


board = Decider("board", Board, decide, evolve)


@dataclass
class Run:
    """One measured run."""

    name: str
    commands: int
    seconds: float
    events_per_commit: float
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        rate = self.commands / self.seconds
        return (
            f"{self.name:<34}{rate:>9,.0f} commands/s {self.events_per_commit:>7.1f} events/commit"
            f"   p50 {self.p50_ms:.2f} ms   p99 {self.p99_ms:.2f} ms"
        )


def single_commits(path: Path, seconds: float) -> float:
    """Flushed LMDB transactions of one small row per second: the disk's own rate."""
    path.mkdir()
    with lmdb.open(str(path), map_size=1 << 30) as env:
        until, done = time.perf_counter() + seconds, 0
        while time.perf_counter() < until:
            with env.begin(write=True) as txn:
                txn.put(done.to_bytes(8, "big"), b"x" * 200)
            done += 1
    return done / seconds


def plain_python(seconds: float) -> float:
    """The same commands per second in a Python loop: built, decided and evolved, not stored."""
    state, done = Board(), 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for number in range(100):
            for event in decide(state, RenameCard(card=f"c{number % 50}", title=f"{done}")):
                state = evolve(state, event)
        done += 100
    return done / seconds


async def _client(domain: Domain, keys: Iterator[str], until: float, times: list[float]) -> None:
    number = itertools.count()
    while (began := time.perf_counter()) < until:
        handle = domain.aggregate(board, next(keys))
        await handle.send(RenameCard(card=f"c{next(number) % 50}", title=f"{began}"))
        times.append(time.perf_counter() - began)


def waiting_clients(domain: Domain, name: str, keys: list[str], seconds: float) -> Run:
    """Sixty-four clients on these aggregates, each waiting for its answers."""
    before, times = domain.statistics(), list[float]()

    async def run() -> None:
        until = time.perf_counter() + seconds
        clients = [itertools.cycle(keys[n * 157 % len(keys) :] + keys) for n in range(CLIENTS)]
        await asyncio.gather(*[_client(domain, keys_, until, times) for keys_ in clients])

    began = time.perf_counter()
    asyncio.run(run())
    return _measured(
        domain, name, times, time.perf_counter() - began, before.events, before.commits
    )


def in_flight(domain: Domain, seconds: float) -> Run:
    """One client with many commands in flight."""
    before, times = domain.statistics(), list[float]()
    handle = domain.aggregate(board, "pipelined")
    waiting: deque[tuple[float, Pending[Receipt[CardRenamed]]]] = deque()
    began = time.perf_counter()
    for number in itertools.count():
        now = time.perf_counter()
        if now - began > seconds:
            break
        waiting.append((now, handle.send(RenameCard(card=f"c{number % 50}", title=f"{now}"))))
        if len(waiting) >= IN_FLIGHT:
            sent, pending = waiting.popleft()
            pending.result(30)
            times.append(time.perf_counter() - sent)
    for sent, pending in waiting:
        pending.result(30)
        times.append(time.perf_counter() - sent)
    name = f"one client, {IN_FLIGHT} in flight"
    return _measured(
        domain, name, times, time.perf_counter() - began, before.events, before.commits
    )


def _measured(
    domain: Domain, name: str, times: list[float], seconds: float, events: int, commits: int
) -> Run:
    after = domain.statistics()
    if after.events - events != len(times):
        sys.exit(f"{name}: {len(times)} answers, but {after.events - events} events")
    per_commit = (after.events - events) / max(1, after.commits - commits)
    cut = statistics.quantiles(times, n=100)
    return Run(name, len(times), seconds, per_commit, cut[49] * 1e3, cut[98] * 1e3)


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def live_aggregates(domain: Domain, count: int) -> dict[str, float]:
    """Load many aggregates: measures the memory of each, and sends to each again."""
    gc.collect()
    before, began, memory = _resident(), time.perf_counter(), 0.0
    for round_ in ("first", "second"):
        for start in range(0, count, 1000):
            pendings = [
                domain.aggregate(board, f"live{n}").send(RenameCard(card="c", title=round_))
                for n in range(start, min(start + 1000, count))
            ]
            for pending in pendings:
                pending.result(60)
        if round_ == "first":
            gc.collect()
            memory = (_resident() - before) / count
    live = domain.statistics().live
    if live < count:
        sys.exit(f"expected {count} live aggregates, got {live}")
    seconds = time.perf_counter() - began
    return {"live": live, "bytes_each": memory, "commands_per_second": 2 * count / seconds}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each run")
    parser.add_argument("--live", type=int, default=100_000, help="aggregates alive at once")
    parser.add_argument("--path", type=Path, help="a directory on the disk to measure")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.path) as folder:
        report = _measure(Path(folder), chosen.seconds, chosen.live, say=not chosen.json)
    if chosen.json:
        print(json.dumps(report))


def _measure(folder: Path, seconds: float, live: int, *, say: bool) -> dict[str, object]:
    rates: list[float] = []
    python = plain_python(1.0)
    if say:
        print(f"{'the same in a plain Python loop':<34}{python:>9,.0f} commands/s")
    runs: list[Run] = []
    policy = Policy(max_live=live + AGGREGATES + 10)

    def disk() -> None:
        rates.append(single_commits(folder / f"disk{len(rates)}", 1.0))
        if say:
            print(f"{'the disk, one commit after another':<34}{rates[-1]:>9,.0f} commits/s")

    with Domain.open(folder / "boards", deciders=[board], policy=policy) as domain:
        for name, keys in (
            (f"{CLIENTS} clients, one aggregate", ["hot"]),
            (f"{CLIENTS} clients, {AGGREGATES:,} aggregates", [f"k{n}" for n in range(AGGREGATES)]),
        ):
            disk()
            waiting_clients(domain, name, keys, max(0.5, seconds / 3))  # warm, and not counted
            runs.append(waiting_clients(domain, name, keys, seconds))
            if say:
                print(runs[-1])
        disk()
        runs.append(in_flight(domain, seconds))
        if say:
            print(runs[-1])
        memory = live_aggregates(domain, live) if live else {}
        if say and memory:
            print(
                f"{memory['live']:,.0f} live aggregates: {memory['bytes_each']:,.0f} bytes each; "
                f"two rounds of commands to all of them at {memory['commands_per_second']:,.0f}/s"
            )
    return {
        "plain_python": python,
        "disk_commits_per_second": rates,
        "runs": [vars(run) for run in runs],
        "live": memory,
    }


if __name__ == "__main__":
    main()
