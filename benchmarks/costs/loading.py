"""An aggregate that is not in memory: the first command after its events or its snapshot."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from benchmarks.costs.cards import CARDS, commands
from benchmarks.costs.rounds import costs, in_memory, result, size
from benchmarks.job import Job, Result
from benchmarks.peers.comity_board import RenameCard, board
from benchmarks.proof import Wrong
from comity.actors import Domain, Policy

_NEVER: Final = Policy(snapshot_every=1_000_000_000)


def run(job: Job, folder: Path) -> Result:
    """CPU of opening the journal, and of the first command."""
    policy = None if job.case.options["snapshot"] else _NEVER
    batches = size(job.seconds, 20_000) // CARDS
    with in_memory(folder) as path:
        with Domain.open(path, deciders=[board], policy=policy) as domain:
            for number in range(batches):
                domain.aggregate(board, "long").send_many(commands(number)).result(60)
        opened: list[float] = []
        sent = 0

        def measure() -> float:
            nonlocal sent
            began = time.process_time()
            with Domain.open(path, deciders=[board], policy=policy) as domain:
                opened.append((time.process_time() - began) * 1e3)
                began = time.process_time()
                handle = domain.aggregate(board, "long")
                rename = RenameCard(card="card-000", title=f"again {sent}")
                version = handle.send(rename).result(60).version
                took = time.process_time() - began
            sent += 1
            if version != batches * CARDS + sent:
                msg = f"version {version:,} instead of {batches * CARDS + sent:,}"
                raise Wrong(msg)
            return took * 1e3

        found = costs(measure, job.seconds, 8)
    facts = {"ms CPU to open": min(opened), "events/s": batches * CARDS / min(found) * 1e3}
    return result(found, "ms CPU", f"{batches * CARDS:,} events, then {sent}", **facts)
