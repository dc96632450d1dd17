"""One aggregate that one, two and four processes write at once: how much, how late, how fair?

Each process has its share of 64 clients; each client waits for its answer before it sends again.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, Self

from benchmarks.experiments.finding import Finding
from benchmarks.experiments.ways import Rename, board
from benchmarks.latency import Latency
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from comity.actors import Domain, Observer
from comity.actors.observing.facts import Merged

_PROCESSES: Final = (1, 2, 4)
_CLIENTS: Final = 64
_ROUNDS: Final = 5
_LONG: Final = 0.5
"""Seconds of a window from which the figures mean something."""


class Decisions(Observer):
    """Counts decisions; more than one for a command whose turn another process forestalled."""

    made = 0

    def merged(self, fact: Merged) -> None:
        """Count."""
        self.made += 1


class Did(NamedTuple):
    """What one process did in a window."""

    commands: int
    decisions: int
    latency: Latency

    def as_json(self) -> dict[str, Any]:
        """The value as JSON."""
        return {**self._asdict(), "latency": self.latency.as_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the result of `as_json`."""
        return cls(data["commands"], data["decisions"], Latency.from_json(data["latency"]))


class Round(NamedTuple):
    """The figures of all processes in one window."""

    rate: float
    stale: float
    """The share of decisions that were made again."""
    p50: float
    p99: float
    longest: float
    slowest: float
    """The commands of the slowest process, beside those that it would have if all had as many."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """Medians of five rounds in turn, with one, two and four processes."""
    rounds: dict[int, list[Round]] = defaultdict(list)
    in_earnest = seconds >= _LONG
    for number in range(_ROUNDS if in_earnest else 1):
        for processes in _PROCESSES if in_earnest else _PROCESSES[:2]:
            path = folder / f"{processes}-{number}"
            rounds[processes].append(_round(_together(path, processes, seconds), path, seconds))
    return [finding for many in rounds for finding in _findings(many, rounds)]


def _findings(processes: int, rounds: Mapping[int, Sequence[Round]]) -> Iterator[Finding]:
    name = f"{processes} process{'es' if processes > 1 else ''}, {_CLIENTS} clients"
    alone, here = rounds[1], rounds[processes]

    def middle(figure: str, among: Sequence[Round]) -> float:
        return median(float(getattr(one, figure)) for one in among)

    for figure, said, unit in (
        ("rate", "commands/s", "/s"), ("p50", "p50", "ms"), ("p99", "p99", "ms"),
        ("longest", "longest", "ms"),
    ):  # fmt: skip
        beside = None if processes == 1 else middle(figure, alone)
        yield Finding(f"{name}: {said}", middle(figure, here), unit, beside)
    if processes > 1:
        yield Finding(f"{name}: stale decisions", middle("stale", here), "%")
        yield Finding(
            f"{name}: the slowest process has", middle("slowest", here), "%", None,
            f"of its fair share; {min(one.slowest for one in here):.0f} % in its worst round",
        )  # fmt: skip


def _together(path: Path, processes: int, seconds: float) -> list[Did]:
    """Let so many processes work for one window."""
    Domain.open(path, deciders=[board]).close()
    command = [
        sys.executable, "-m", "benchmarks.experiments.hot", f"{path}", f"{seconds}",
        f"{_CLIENTS // processes}",
    ]  # fmt: skip
    running = [
        subprocess.Popen(  # noqa: S603 - this project's own
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    try:
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        said = [_go(one) for one in running]
        return [Did.from_json(json.loads(one.communicate(timeout=300)[0])) for one in said]
    finally:
        for one in running:
            one.kill()
            one.wait()


def _go(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return process


def _round(did: Sequence[Did], path: Path, seconds: float) -> Round:
    commands = sum(one.commands for one in did)
    with Domain.open(path, deciders=[board]) as domain:
        version = domain.aggregate(board, "hot").version
    if version != commands + len(did):  # each process has sent one to warm up
        msg = f"{commands} commands were answered, and {version} events are stored"
        raise Wrong(msg)
    latency = Latency()
    for one in did:
        latency.add(one.latency)
    decisions = sum(one.decisions for one in did)
    return Round(
        commands / seconds,
        100 * (decisions - commands) / max(1, decisions),
        latency.quantile(0.5) * 1e3,
        latency.quantile(0.99) * 1e3,
        latency.longest * 1e3,
        100 * min(one.commands for one in did) * len(did) / max(1, commands),
    )


async def _work(domain: Domain, seconds: float, clients: int, observer: Decisions) -> Did:
    """Send in this process, once the parent says so."""
    hot = domain.aggregate(board, "hot")
    times: list[float] = []

    async def send(number: int, until: float) -> None:
        sent = 0
        while (began := time.perf_counter()) < until or not sent:
            sent += 1
            await hot.send(Rename(card=f"{number}", title=f"{began}"))
            times.append(time.perf_counter() - began)

    await hot.send(Rename(card="warm", title=f"{time.perf_counter()}"))
    print("ready", flush=True)
    sys.stdin.readline()
    observer.made = 0
    until = time.perf_counter() + seconds
    await asyncio.gather(*(send(number, until) for number in range(clients)))
    return Did(len(times), observer.made, Latency.of(times))


def main() -> None:
    """Work as one of several processes: PATH SECONDS CLIENTS."""
    path, seconds, clients = sys.argv[1:]
    observer = Decisions()
    with Domain.open(Path(path), deciders=[board], observers=[observer]) as domain:
        did = asyncio.run(_work(domain, float(seconds), int(clients), observer))
    json.dump(did.as_json(), sys.stdout)


if __name__ == "__main__":
    main()
