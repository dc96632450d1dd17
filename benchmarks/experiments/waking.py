"""How does one process wake another one soonest, and what does it cost both of them?

Each way in turn: a process rings every 13 ms, another one sleeps until it does. An eventfd
is not among them: a process cannot open that of another one.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from mmap import mmap
from pathlib import Path
from typing import Final

from benchmarks.experiments.finding import Finding
from benchmarks.latency import Latency
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from comity.engine.sharing.futex import Word

_EVERY: Final = 0.013
_IDLE: Final = 0.5
"""Seconds in which the other process sleeps, and counts what that costs, with one ring."""
_END: Final = 0xFFFF_FFFF


class Way(ABC):
    """A shared word, and a way to wake the process that waits for its next value."""

    def __init__(self, folder: Path) -> None:
        with (folder / "word").open("r+b") as file:
            self._memory = mmap(file.fileno(), 4_096)
        self.word = Word(self._memory, 0)

    def ring(self, value: int) -> None:
        """Set the word, and wake the other process."""
        self.word.set(value)
        self.wake()

    def close(self) -> None:
        """Release what it has opened."""
        del self.word, self._memory

    @abstractmethod
    def wake(self) -> None:
        """Wake the other process."""

    @abstractmethod
    def sleep(self, seen: int) -> None:
        """Return when the word is perhaps not `seen` any more."""


class Futex(Way):
    """A futex on the word: what comity does."""

    def ring(self, value: int) -> None:
        """Set the word, and wake the other process."""
        self.word.ring(value)

    def wake(self) -> None:
        """Nothing is left to do."""

    def sleep(self, seen: int) -> None:
        """Sleep in the kernel."""
        self.word.wait(seen, 60.0)


class Fifo(Way):
    """A named pipe of the process that waits."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if not (folder / "fifo").exists():
            os.mkfifo(folder / "fifo")
        self._fifo = os.open(folder / "fifo", os.O_RDWR)

    def close(self) -> None:
        """Close the pipe, too."""
        super().close()
        os.close(self._fifo)

    def wake(self) -> None:
        """Write a byte."""
        os.write(self._fifo, b"!")

    def sleep(self, seen: int) -> None:
        """Read what is there."""
        if self.word.value == seen:
            os.read(self._fifo, 4_096)


class Datagram(Way):
    """A socket with a name, of the process that waits."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._name = os.fspath(folder / "socket")
        self._bound = False

    def close(self) -> None:
        """Close the socket, too."""
        super().close()
        self._socket.close()

    def wake(self) -> None:
        """Send a byte."""
        self._socket.sendto(b"!", self._name)

    def sleep(self, seen: int) -> None:
        """Receive one."""
        if not self._bound:
            self._socket.bind(self._name)
            self._bound = True
        if self.word.value == seen:
            self._socket.recv(16)


class Looking(Way):
    """Nothing: the other process looks every 10 ms, as comity does where there is no futex."""

    seconds = 0.01

    def wake(self) -> None:
        """Nothing is to be done."""

    def sleep(self, seen: int) -> None:
        """Look at the word until it has changed."""
        while self.word.value == seen:
            time.sleep(self.seconds)


class LookingOften(Looking):
    """As `Looking`, every millisecond."""

    seconds = 0.001


_WAYS: Final[dict[str, type[Way]]] = {
    "a futex": Futex,
    "a fifo": Fifo,
    "a datagram socket": Datagram,
    "looking every 1 ms": LookingOften,
    "looking every 10 ms": Looking,
}


def run(folder: Path, seconds: float) -> list[Finding]:
    """Measure each way in turn: from the ring to the first line of Python of the other process."""
    found: dict[str, tuple[Latency, Latency, float]] = {}
    for name in _WAYS:
        place = folder / name.replace(" ", "-")
        place.mkdir()
        (place / "word").write_bytes(bytes(4_096))
        found[name] = _measured(name, place, seconds)
    today_soon, today_cost = (each.quantile(0.5) * 1e6 for each in found["a futex"][:2])
    findings: list[Finding] = []
    for name, (soon, cost, idle) in found.items():
        note = f"p99 {soon.quantile(0.99) * 1e6:.0f} µs; asleep it takes {idle * 1e6:.0f} µs/s"
        findings.append(
            Finding(f"{name}: until it runs, p50", soon.quantile(0.5) * 1e6, "µs", today_soon, note)
        )
        ring = cost.quantile(0.5) * 1e6
        findings.append(Finding(f"{name}: the ring itself, p50", ring, "µs", today_cost))
    return findings


def _measured(name: str, place: Path, seconds: float) -> tuple[Latency, Latency, float]:
    """The times until the other process ran, those of the rings, and its CPU while it slept."""
    command = [sys.executable, "-m", __spec__.name, name, str(place), f"{_IDLE}"]
    with subprocess.Popen(  # noqa: S603 - this project's own
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        idle = other.stdout.readline()
        if not idle:
            raise Wrong(f"{name}: the other process did not begin")
        way, rung, cost = _WAYS[name](place), dict[int, int](), list[float]()
        for number in range(2, max(3, int(seconds / _EVERY)) + 2):
            rung[number] = time.monotonic_ns()
            way.ring(number)
            cost.append((time.monotonic_ns() - rung[number]) * 1e-9)
            time.sleep(_EVERY)
        way.ring(_END)
        way.close()
        heard = json.loads(other.stdout.readline())
    soon = [(when - rung[number]) * 1e-9 for number, when in heard if number in rung]
    if not soon:
        raise Wrong(f"{name}: nothing was heard")
    return Latency.of(soon), Latency.of(cost), float(idle) / _IDLE


def _wait(way: Way, idle_seconds: float) -> None:
    """Be the other process: sleep, and note when each value was seen."""
    print(_slept(way, idle_seconds), flush=True)
    heard: list[tuple[int, int]] = []
    seen = way.word.value
    while seen != _END:
        way.sleep(seen)
        if (value := way.word.value) != seen:
            heard.append((value, time.monotonic_ns()))
            seen = value
    print(json.dumps(heard), flush=True)


def _slept(way: Way, seconds: float) -> float:
    """The CPU seconds of a sleep, which a timer ends after a while."""
    child = os.fork()
    if child == 0:
        time.sleep(seconds)
        way.ring(1)
        os._exit(0)
    began = time.process_time()
    while way.word.value == 0:
        way.sleep(0)
    spent = time.process_time() - began
    os.waitpid(child, 0)
    return spent


if __name__ == "__main__":
    _wait(_WAYS[sys.argv[1]](Path(sys.argv[2])), float(sys.argv[3]))
