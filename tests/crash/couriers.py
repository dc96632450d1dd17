"""A program with outlets that is killed again and again: `test_kill_outlets` runs it.

    python -m tests.crash.couriers work PATH SEED      a domain with two outlets, under load
    python -m tests.crash.couriers deliver PATH SEED   only the outlets, beside a domain

The service fails half of the time and sometimes hangs. What it accepts is a line in a file.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from pathlib import Path

from tests.actors.notebook import NotebookEvent, Stamp, notebook

from comity.actors import Deliveries, Delivery, Domain, Outlet
from comity.actors.delivering.any_outlet import AnyOutlet

KEYS = [f"n{number}" for number in range(20)]
FAILS = 0.5
HANGS = 0.002


class Service:
    """Accepts deliveries: one write for each, which is there though the program is killed."""

    def __init__(self, file: Path, seed: int) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._dice = random.Random(seed)
        self._lock = threading.Lock()

    def trouble(self) -> float:
        """Raise, or return the seconds that the call takes."""
        with self._lock:
            luck = self._dice.random()
        if luck < FAILS:
            raise ConnectionError("it does not answer")
        return 30.0 if luck > 1.0 - HANGS else 0.002

    def accept(self, at: Delivery[NotebookEvent]) -> None:
        """Write a delivery down."""
        os.write(self._file, f"{at.aggregate.key} {at.version} {at.id}\n".encode())


class Waiting(Outlet[NotebookEvent]):
    """Delivers on a loop."""

    start = "beginning"
    at_once, tries, timeout, back_off = 8, 1_000, 0.3, (0.01, 0.1)

    def __init__(self, service: Service) -> None:
        self.service = service

    async def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        """Deliver it."""
        await asyncio.sleep(self.service.trouble())
        self.service.accept(at)


class Plain(Outlet[NotebookEvent]):
    """Delivers on threads."""

    start = "beginning"
    at_once, tries, timeout, back_off = 4, 1_000, 0.3, (0.01, 0.1)

    def __init__(self, service: Service) -> None:
        self.service = service

    def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        """Deliver it."""
        seconds = self.service.trouble()
        time.sleep(seconds)
        if seconds < 1.0:  # what hung is not accepted afterwards
            self.service.accept(at)


def outlets(path: Path, seed: int) -> list[AnyOutlet]:
    """The outlets, with their services."""
    folder = path.parent
    return [
        Waiting(Service(folder / "waiting.txt", seed)),
        Plain(Service(folder / "plain.txt", seed + 1)),
    ]


def work(path: Path, seed: int) -> None:
    """Send commands until the end."""
    dice = random.Random(seed)
    with Domain.open(path, deciders=[notebook], outlets=outlets(path, seed)) as domain:
        handles = {key: domain.aggregate(notebook, key) for key in KEYS}
        print("ready", flush=True)
        while True:
            for pending in [
                handles[dice.choice(KEYS)].send(Stamp(page="p", stamps=1)) for _ in range(5)
            ]:
                pending.result(30)
            time.sleep(0.01)


def deliver(path: Path, seed: int) -> None:
    """Deliver until the end."""
    with Deliveries.open(path, outlets(path, seed), deciders=[notebook]):
        print("ready", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    {"work": work, "deliver": deliver}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
