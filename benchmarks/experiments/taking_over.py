"""How long does an outlet or a process stand still when the program that leads it dies or hangs?

Two programs have one domain open. The other one was first, so it leads. It is killed, or stopped;
this one sends a command every few milliseconds, and notes when it delivers, and books, for the
first time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.experiments.finding import Finding
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from comity.actors import Delivery, Domain, Outlet
from comity.engine import (
    Answered,
    CancelTimer,
    Command,
    Decider,
    End,
    Event,
    Heard,
    Order,
    Process,
    Rang,
    SetTimer,
)

_EVERY: Final = 0.01
_LONG: Final = 0.5
"""Seconds of a window from which the figures mean something."""
_PATIENCE: Final = 30.0


class Ask(Command):
    """Ask for something."""


class Asked(Event):
    """Somebody has asked."""


class Count(Command):
    """Count a request."""


class Counted(Event):
    """A request was counted."""

    commutes = True


def _asked(number: int, command: Ask) -> Iterator[Asked]:
    yield Asked()


def _counted(number: int, command: Count) -> Iterator[Counted]:
    yield Counted()


def _sum(number: int, event: Asked | Counted) -> int:
    return number + 1


requests: Decider[int, Ask, Asked] = Decider("request", int, _asked, _sum)
counters: Decider[int, Count, Counted] = Decider("counter", int, _counted, _sum)


def _key(event: Asked, heard: Heard) -> str:
    return heard.aggregate.key


def _evolve(state: int, thing: Asked | Answered | Rang, heard: Heard) -> int:
    return state + 1


def _react(
    state: int, thing: Asked | Answered | Rang, heard: Heard
) -> Iterator[Order | SetTimer | CancelTimer | End]:
    match thing:
        case Asked():
            yield Order(counters, f"{os.getpid()}", Count(), name="count")
        case Answered():
            yield End("counted")
        case Rang():
            pass


counting = Process("counting", int, _key, _evolve, _react, starts=[Asked], orders=[counters])


class Letters(Outlet[Asked]):
    """Notes that it has delivered."""

    start = "now"

    def __init__(self) -> None:
        self.delivered = 0

    def deliver(self, event: Asked, at: Delivery[Asked]) -> None:
        """Note it."""
        self.delivered += 1


def run(folder: Path, seconds: float) -> list[Finding]:
    """The longest and the middle pause, of some rounds each."""
    rounds = max(1, int(seconds * 10)) if seconds >= _LONG else 1
    return [
        finding
        for name, sent in (("kill -9", signal.SIGKILL), ("SIGSTOP", signal.SIGSTOP))
        for finding in _findings(
            name, [_round(folder / f"{name} {number}", sent) for number in range(rounds)]
        )
    ]


def _findings(name: str, pauses: list[tuple[float, float]]) -> Iterator[Finding]:
    for what, times in zip(("an outlet", "a process"), zip(*pauses, strict=True), strict=True):
        some = sorted(times)
        yield Finding(
            f"{what} after {name}: the middle pause", some[len(some) // 2], "s", None,
            f"{len(some)} rounds, the longest {some[-1]:.2f} s",
        )  # fmt: skip


def _round(path: Path, sent: signal.Signals) -> tuple[float, float]:
    """The seconds from the signal until this program delivers, and until it counts."""
    command = [sys.executable, "-m", __spec__.name, str(path)]
    with subprocess.Popen(  # noqa: S603 - this project's own
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        if not other.stdout.readline():
            raise Wrong("the other program did not begin")
        try:
            letters = Letters()
            with _opened(path, letters) as domain:
                if not (domain.outlets()[0].led_by and domain.processes()[0].led_by):
                    raise Wrong("this program leads")
                time.sleep(0.5)  # by now it has seen the beat of the other one
                other.send_signal(sent)
                return _pauses(domain, letters)
        finally:
            other.kill()


def _pauses(domain: Domain, letters: Letters) -> tuple[float, float]:
    began, delivers, counts = time.monotonic(), 0.0, 0.0
    here = domain.aggregate(counters, f"{os.getpid()}")
    for number in range(int(_PATIENCE / _EVERY)):
        domain.aggregate(requests, f"{number}").do(Ask())
        now = time.monotonic() - began
        delivers = delivers or (now if letters.delivered else 0.0)
        counts = counts or (now if here.look().version else 0.0)
        if delivers and counts:
            return delivers, counts
        time.sleep(_EVERY)
    raise Wrong("nobody takes over")


def _opened(path: Path, letters: Letters) -> Domain:
    return Domain.open(path, deciders=[requests, counters], processes=[counting], outlets=[letters])


def _lead(path: Path) -> None:
    """Be the other program."""
    with _opened(path, Letters()) as domain:
        domain.aggregate(requests, "first").do(Ask())
        while not domain.aggregate(counters, f"{os.getpid()}").look().version:
            time.sleep(_EVERY)
        print("leads", flush=True)
        time.sleep(600)


if __name__ == "__main__":
    _lead(Path(sys.argv[1]))
