"""Snapshots of live aggregates: what looking, loading and recovering take, and what they cost."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final

from benchmarks.experiments.finding import Finding
from benchmarks.filled import fill, names
from benchmarks.peers.comity_board import BoardEvent, Handle, RenameCard, board
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from comity.actors import Domain, Pending, Policy
from comity.engine import Receipt

_ROUNDS: Final = 5
_MORE: Final = 1_500
"""Commands after which the aggregate is looked at: more than lie between two snapshots."""
_IN_FLIGHT: Final = 512
_LONG: Final = 0.5
"""Seconds from which on the experiment is in earnest."""
_NEVER: Final = Policy(snapshot_every=1_000_000_000)


def run(folder: Path, seconds: float) -> list[Finding]:
    """Three sizes of history, and then commands with and without snapshots, in turn."""
    sizes = (100, 10_000, 1_000_000) if seconds >= _LONG else (100, 1_000)
    return [
        *(finding for size in sizes for finding in _times(folder / f"{size}", size)),
        *_costs(folder, seconds),
    ]


def live(path: Path, expected: int) -> None:
    """What a host does: sends, looks, and is killed. It prints how long a look took, in ms."""
    domain = Domain.open(path, deciders=[board])
    handle = domain.aggregate(board, names(1)[0])
    send(handle, _MORE)
    took: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        version = handle.look().version
        took.append((time.perf_counter() - began) * 1e3)
        if version != expected:
            raise Wrong(f"version {version:,}; {expected:,} was expected")
    print(statistics.median(took), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def send(handle: Handle, many: int) -> None:
    """Send so many commands, with 512 in flight, and wait for all answers."""
    waiting: deque[Pending[Receipt[BoardEvent]]] = deque()
    for number in range(many):
        waiting.append(handle.send(RenameCard(card="card-0000", title=f"title {number}")))
        if len(waiting) >= _IN_FLIGHT:
            waiting.popleft().result(60)
    for pending in waiting:
        pending.result(600)


def _times(path: Path, size: int) -> list[Finding]:
    """Looking at a live aggregate, its first command after kill -9, and after it left memory."""
    fill(path, 1, size)
    expected = size + _MORE
    code = "import sys; from pathlib import Path; from benchmarks.experiments import snapshots as s"
    done = subprocess.run(  # noqa: S603 - this project's own
        [sys.executable, "-c", f"{code}; s.live(Path(sys.argv[1]), int(sys.argv[2]))",
         str(path), str(expected)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != -signal.SIGKILL:
        raise Wrong(done.stderr[-400:])
    recovered, loaded = _first(path, expected + 1), _first(path, expected + 2)
    return [
        Finding(f"look, live, {size:,} events", float(done.stdout), "ms"),
        Finding(f"first command after kill -9, {size:,} events", recovered, "ms"),
        Finding(f"first command after a clean end, {size:,} events", loaded, "ms"),
    ]


def _first(path: Path, expected: int) -> float:
    with Domain.open(path, deciders=[board]) as domain:
        began = time.perf_counter()
        rename = RenameCard(card="card-0000", title="first")
        found = domain.aggregate(board, names(1)[0]).send(rename).result(600).version
        took = (time.perf_counter() - began) * 1e3
    if found != expected:
        raise Wrong(f"version {found:,}; {expected:,} was expected")
    return took


def _costs(folder: Path, seconds: float) -> list[Finding]:
    """CPU of a command with and without snapshots, one aggregate with 100 cards, in turn."""
    many = max(512, int(20_000 * seconds))
    ways = {"with snapshots": Policy(), "without": _NEVER}
    costs: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(_ROUNDS):
        for way, policy in ways.items():
            path = folder / f"{way} {number}"
            fill(path, 1, 100)
            with Domain.open(path, deciders=[board], policy=policy) as domain:
                handle = domain.aggregate(board, names(1)[0])
                send(handle, 512)
                began = time.process_time()
                send(handle, many)
                costs[way].append((time.process_time() - began) * 1e6 / many)
                if (found := handle.version) != 100 + 512 + many:
                    raise Wrong(f"version {found:,}")
    beside = statistics.median(costs["without"])
    return [
        Finding(
            f"a command {way}, 512 in flight", statistics.median(found), "µs CPU", beside,
            f"{_ROUNDS} rounds, {min(found):.1f} to {max(found):.1f}",
        )
        for way, found in costs.items()
    ]  # fmt: skip
