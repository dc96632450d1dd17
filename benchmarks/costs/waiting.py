"""One client that waits for each answer with `do`: CPU, and on a disk also the time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from benchmarks.costs.rounds import costs, in_memory, result, size
from benchmarks.job import Job, Result
from benchmarks.proof import Wrong
from benchmarks.write_side import RenameCard, board
from comity.actors import Domain


def run(job: Job, folder: Path) -> Result:
    """Measure on a thread other than the main one, which may decide and write itself."""
    place = nullcontext(folder) if job.case.options["flushed"] else in_memory(folder)
    with (
        place as path,
        Domain.open(path / "boards", deciders=[board]) as domain,
        ThreadPoolExecutor(1) as thread,
    ):
        return thread.submit(_measured, job, domain).result()


def _measured(job: Job, domain: Domain) -> Result:
    handle = domain.session("ann").aggregate(board, "alone")
    many = size(job.seconds, 200)
    commands = [RenameCard(card="card", title=f"title {one}") for one in range(many)]
    took: list[float] = []

    def measure() -> float:
        cpu, began = time.thread_time(), time.perf_counter()
        for command in commands:
            handle.do(command)
        took.append(time.perf_counter() - began)
        return (time.thread_time() - cpu) / many * 1e6

    found = costs(measure, job.seconds, 30)
    if handle.version != many * len(took):
        msg = f"version {handle.version:,} instead of {many * len(took):,}"
        raise Wrong(msg)
    proof = f"the board is at version {handle.version:,}"
    return result(found, "µs CPU", proof, **{"µs in all": min(took) / many * 1e6})
