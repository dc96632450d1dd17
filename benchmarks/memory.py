"""Memory of a live aggregate, and of an aggregate that was unloaded."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from benchmarks.board import title
from benchmarks.job import Job, Result
from benchmarks.peers.comity_board import CreateCard, board
from benchmarks.proof import Wrong
from comity.actors import Domain, Policy

_AT_ONCE = 1_000


def run(job: Job, folder: Path) -> Result:
    """Make aggregates with one card each, and measure the growth of the process."""
    count, live = int(job.case.options["aggregates"]), bool(job.case.options["live"])
    policy = Policy(max_live=count + 10 if live else _AT_ONCE * 2)
    with Domain.open(folder / "boards", deciders=[board], policy=policy) as domain:
        _make(domain, 0, _AT_ONCE * 3)
        gc.collect()
        before = _resident()
        _make(domain, _AT_ONCE * 3, _AT_ONCE * 3 + count)
        gc.collect()
        grown = _resident() - before
        found = domain.statistics()
    if found.position != count + _AT_ONCE * 3 or (live and found.live < count):
        msg = f"{found.position:,} events, {found.live:,} aggregates live"
        raise Wrong(msg)
    proof = f"{found.position:,} aggregates have their event; {found.live:,} are live"
    return Result(grown / count, "bytes each", proof, {"live": found.live})


def _make(domain: Domain, start: int, end: int) -> None:
    for first in range(start, end, _AT_ONCE):
        pendings = [
            domain.aggregate(board, f"board-{number:07}").send(
                CreateCard(card="card", title=title(0, number))
            )
            for number in range(first, min(first + _AT_ONCE, end))
        ]
        for pending in pendings:
            pending.result(60)


def _resident() -> int:
    """Private memory in bytes, without the pages of the journal's map."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
