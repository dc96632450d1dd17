"""Merging compared with a version column: the cost of sending stale commands again.

Clients wait for their answers. Each command is sent with a view some events old, and renames a card
that no other client changes meanwhile. comity merges it. A version column refuses it; the client
then takes the newest version and sends again, until no other command comes first.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, cast

from benchmarks.board import SETUP, Change, card_id, fold, setting_up, title
from benchmarks.contender import Contender
from benchmarks.job import Job, Result
from benchmarks.latency import Latency
from benchmarks.peers.version_checked import Stale
from benchmarks.proof import Wrong

_BOARD: Final = "hot"
_CARDS: Final = 512
"""More than clients and unseen events together, so that no two commands clash."""
_MODULES: Final = {"comity": "comity_merging", "SQLite, group commit": "version_checked"}


class Versioned(Contender, Protocol):
    """A contender whose commands have the version that their sender saw."""

    async def ask_at(self, change: Change, seen: int) -> int:
        """Send a command; returns the version after it, or raises Stale if it was refused."""
        ...


@dataclass
class Attempts:
    """The clients' commands, and the newest version that they know."""

    store: Versioned
    behind: int
    version: int
    """The newest version that any client knows."""
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    answered: list[Change] = field(default_factory=list[Change])
    times: list[float] = field(default_factory=list[float])
    count: int = 0

    async def work(self, clients: int, seconds: float) -> None:
        """Let a number of clients work for some seconds."""
        self.times, self.count = [], 0
        until = time.perf_counter() + seconds
        await asyncio.gather(*[self._client(until) for _ in range(clients)])

    async def _client(self, until: float) -> None:
        while (began := time.perf_counter()) < until:
            number = next(self.numbers)
            change = Change(_BOARD, "rename", card_id(SETUP, number % _CARDS), title(0, number))
            version = await self._until_accepted(change)
            self.version = max(self.version, version)
            self.answered.append(change)
            self.times.append(time.perf_counter() - began)

    async def _until_accepted(self, change: Change) -> int:
        seen = self.version - self.behind
        while True:
            self.count += 1
            try:
                return await self.store.ask_at(change, seen)
            except Stale as stale:
                seen = stale.version


def run(job: Job, folder: Path) -> Result:
    """Measure accepted commands per second, and how often each was sent.

    Raises:
        Wrong: the final state is not what the answers said.
    """
    options = job.case.options
    module = importlib.import_module(f"benchmarks.peers.{_MODULES[job.contender]}")
    store = cast("Versioned", module.open_board(folder))
    try:
        there = setting_up([_BOARD], _CARDS)
        store.set_up(there)
        attempts = Attempts(store, int(options["behind"]), len(there))
        gc.collect()
        gc.freeze()
        asyncio.run(attempts.work(options["clients"], job.seconds / 3))
        before = store.facts()
        cpu, began = time.process_time(), time.perf_counter()
        asyncio.run(attempts.work(options["clients"], job.seconds))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        after = store.facts()
        proof = _prove(store, there, attempts.answered)
    finally:
        store.close()
    done = len(attempts.times)
    facts = {
        "attempts per command": attempts.count / done,
        "µs CPU per command": cpu * 1e6 / done,
        **{name: after[name] - before[name] for name in ("commits", "merged") if name in after},
    }
    return Result(done / seconds, "commands/s", proof, facts, Latency.of(attempts.times))


def _prove(store: Versioned, there: list[Change], answered: list[Change]) -> str:
    log = list(store.log())
    if sorted(log[len(there) :]) != sorted(answered) or sorted(log[: len(there)]) != sorted(there):
        msg = f"expected {len(there) + len(answered):,} stored events, got {len(log):,}"
        raise Wrong(msg)
    if store.boards() != fold(log):
        raise Wrong("the board is not the fold of its events")
    return f"each of {len(answered):,} commands happened once; the board is their fold"
