"""A row that 1,000 watches of one selection wait for."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path
from typing import Final

from benchmarks.costs.cards import Cards
from benchmarks.costs.rounds import costs, in_memory, result, size
from benchmarks.job import Job, Result
from benchmarks.peers.comity_board import AssignCard, CreateCard, RenameCard, board
from comity.actors import Domain

_WATCHES: Final = 1_000
_CHANGES: Final = 5
"""Changes in a round, each sent when all watches have the one before."""


def run(job: Job, folder: Path) -> Result:
    """CPU of all threads for each update that a watch gives."""
    with (
        in_memory(folder) as path,
        Domain.open(path / "boards", deciders=[board], read_models=[Cards]) as domain,
    ):
        own = domain.aggregate(board, "one")
        own.send_many([
            CreateCard(card="card", title="at first"), AssignCard(card="card", assignee="ann"),
        ]).result(60)  # fmt: skip
        domain.read(Cards, after=2, timeout=60).close()
        with asyncio.Runner() as runner:
            watching = Watching(domain, size(job.seconds, _WATCHES))
            runner.run(watching.begin())
            found = costs(lambda: runner.run(watching.changes(_CHANGES)), job.seconds, 12)
            runner.run(watching.end())
    return result(found, "µs CPU", f"{watching.told:,} updates, each the newest row")


class Watching:
    """The tasks, each with a watch of its own on what Ann has to do."""

    def __init__(self, domain: Domain, many: int) -> None:
        self.told = 0
        """How many updates were given in all."""
        self._domain = domain
        self._many = many
        self._numbers = itertools.count()
        self._wanted = "at first"
        self._left = 0
        """How many watches have not given the newest row."""
        self._all_told = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Start the tasks, and wait until each has the row."""
        self._left = self._many
        self._tasks = [asyncio.create_task(self._watch()) for _ in range(self._many)]
        await asyncio.wait_for(self._all_told.wait(), 60)

    async def changes(self, many: int) -> float:
        """Change the row so many times; returns the CPU of each update in µs."""
        began = time.process_time()
        for _ in range(many):
            self._wanted, self._left = f"title {next(self._numbers)}", self._many
            self._all_told.clear()
            rename = RenameCard(card="card", title=self._wanted)
            await self._domain.aggregate(board, "one").send(rename)
            await asyncio.wait_for(self._all_told.wait(), 60)
        return (time.process_time() - began) / (many * self._many) * 1e6

    async def end(self) -> None:
        """Cancel the tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self) -> None:
        with self._domain.watch(Cards.by_assignee["ann"]) as watch:
            async for update in watch:
                assert update.row is not None
                if update.row.title == self._wanted:
                    self.told += 1
                    self._left -= 1
                    if not self._left:
                        self._all_told.set()
