"""How many commands do one, two and four processes take that have the same boards open?

Each process has clients of its own, as a web worker has requests. The hand-made store with group
commit is measured beside them, with the one process that it can have.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, cast

from benchmarks.experiments.finding import Finding
from benchmarks.experiments.sharing_worker import Part
from benchmarks.latency import Latency
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from benchmarks.shape import MANY

_BOARDS: Final = MANY
_ROUNDS: Final = 3
_PROCESSES: Final = (1, 2, 4)
_WARM_UP: Final = 2.0


class Load(NamedTuple):
    """The senders of the commands."""

    about: str
    mode: str
    clients: int
    each: bool
    """Whether each process has so many clients, and not all together."""

    def of(self, processes: int) -> int:
        """The clients of all processes."""
        return self.clients * processes if self.each else self.clients


_LOADS: Final[Sequence[Load]] = (
    Load("c, 1,024 in flight in each process", "pipelined", 1, each=True),
    Load("web, 64 clients that wait in each process", "asyncio", 64, each=True),
    Load("web, 64 clients that wait in all", "asyncio", 64, each=False),
)


@dataclass(frozen=True)
class Did:
    """What the processes did together in one window."""

    commands: int
    seconds: float
    cpu: float
    commits: float
    stale: int
    latency: Latency
    proof: str

    @property
    def rate(self) -> float:
        """Commands per second."""
        return self.commands / self.seconds

    @property
    def told(self) -> str:
        """The other figures."""
        p50, p99 = (self.latency.quantile(share) * 1e3 for share in (0.5, 0.99))
        return (
            f"{self.cpu / self.commands * 1e6:.0f} µs CPU a command, "
            f"{self.commands / max(1.0, self.commits):.0f} commands a commit, "
            f"{self.stale / self.commands:.1%} decided again, p50 {p50:.1f} ms, p99 {p99:.1f} ms; "
            f"{self.proof}"
        )


def run(folder: Path, seconds: float) -> list[Finding]:
    """Each load in turn: in each round each number of processes, and the hand-made store."""
    return [finding for load in _LOADS for finding in _measured(folder, load, seconds)]


def _measured(folder: Path, load: Load, seconds: float) -> Iterator[Finding]:
    found: dict[str, list[Did]] = {}
    for number in range(_ROUNDS):
        cases = [("SQLite, group commit", 1), *(("comity", many) for many in _PROCESSES)]
        for contender, many in cases[number % 2 :] + cases[: number % 2]:
            label = "comity, one process" if many == 1 else f"comity, {many} processes"
            label = label if contender == "comity" else "group commit, one process"
            place = folder / f"{load.about} {number} {label}"
            place.mkdir()
            found.setdefault(label, []).append(
                _together(_parts(contender, many, place, load), seconds)
            )
    yield from _findings(load, found)


def _findings(load: Load, found: Mapping[str, Sequence[Did]]) -> Iterator[Finding]:
    alone = found["comity, one process"]
    for label, rounds in found.items():
        ratios = sorted(here.rate / one.rate for here, one in zip(rounds, alone, strict=True))
        note = f"{ratios[0]:.2f} to {ratios[-1]:.2f} × one; {rounds[-1].told}"
        yield Finding(
            f"{load.about}: {label}",
            median(one.rate for one in rounds),
            "commands/s",
            median(one.rate for one in alone),
            note,
        )


def _parts(contender: str, processes: int, folder: Path, load: Load) -> list[Part]:
    return [
        Part(contender, str(folder), _BOARDS, load.mode, load.of(processes), number, processes)
        for number in range(processes)
    ]


class _Process:
    """A process that works on its part."""

    def __init__(self, part: Part, stack: ExitStack) -> None:
        command = [sys.executable, "-m", "benchmarks.experiments.sharing_worker", part.as_json()]
        self._popen = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - this project's own
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        stack.callback(self._popen.kill)

    def begin(self, *step: object) -> None:
        """Tell it what to do."""
        assert self._popen.stdin is not None
        print(json.dumps(step), file=self._popen.stdin, flush=True)

    def answer(self) -> object:
        """Wait for the end of the step."""
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        if not line:
            raise Wrong("a process ended early; its error is above")
        answer: object = json.loads(line)
        return answer


def _together(parts: Sequence[Part], seconds: float) -> Did:
    with ExitStack() as stack:
        processes = [_Process(part, stack) for part in parts]
        for process in processes:  # one after the other: the cards of a board are made in order
            process.begin("set up")
            process.answer()
        _window(processes, _WARM_UP * seconds)  # until each process has met each board
        found = _window(processes, seconds)
        first, *others = processes
        for process in others:
            process.begin("end")
            process.answer()
        answered = [0] * parts[0].clients
        for part, one in zip(parts, found, strict=True):
            answered[part.number :: part.of] = one["answered"]
        first.begin("prove", answered)
        proof = str(first.answer())
        first.begin("end")
        first.answer()
    return _sum(found, proof)


def _window(processes: Sequence[_Process], seconds: float) -> list[dict[str, Any]]:
    begin = time.monotonic() + 0.02
    for process in processes:
        process.begin("work", begin, seconds)
    return [cast("dict[str, Any]", process.answer()) for process in processes]


def _sum(found: Sequence[dict[str, Any]], proof: str) -> Did:
    latency = Latency()
    for one in found:
        latency.add(Latency.from_json(one["latency"]))
    return Did(
        sum(one["commands"] for one in found),
        max(one["seconds"] for one in found),
        sum(one["cpu"] for one in found),
        max(one["commits"] for one in found),  # of all processes, as each of them counts
        max(one["stale"] for one in found),
        latency,
        proof,
    )
