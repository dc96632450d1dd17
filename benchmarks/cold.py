"""Cold aggregates: the first command to aggregates with a history that are not in memory."""

from __future__ import annotations

import contextlib
import statistics
import time
from pathlib import Path

from benchmarks.filled import fill, names
from benchmarks.job import Job, Result
from benchmarks.latency import Latency
from benchmarks.peers.comity_board import RenameCard, board
from benchmarks.proof import Wrong
from comity.actors import Domain
from comity.engine import Rejected


def run(job: Job, folder: Path) -> Result:
    """Open the domain again, and time the first command to each aggregate."""
    options = job.case.options
    events, boards = int(options["at"]), int(options["boards"])
    path = folder / "boards"
    fill(path, boards, events)
    expected = events
    if options["snapshot"]:
        _touch(path, boards)  # closing keeps a snapshot of each
        expected += 1
    times = _touch(path, boards)
    with Domain.open(path, deciders=[board]) as domain:
        found = {domain.version(domain.aggregate(board, name)) for name in names(boards)}
        cards = domain.state(domain.aggregate(board, names(boards)[0])).cards
    if found != {expected + 1} or cards["card-0000"].title != "cold":
        msg = f"expected version {expected + 1}, got {found}"
        raise Wrong(msg)
    took = statistics.median(times)
    facts = {"events/s": events / took}
    proof = f"{boards} aggregates are at version {expected + 1:,}"
    return Result(took * 1e3, "ms", proof, facts, Latency.of(times))


def _touch(path: Path, boards: int) -> list[float]:
    times: list[float] = []
    with Domain.open(path, deciders=[board]) as domain:
        first = domain.aggregate(board, "something else")
        with contextlib.suppress(Rejected):  # refused, but it warms up the path
            first.send(RenameCard(card="none", title="warm")).result(60)
        for name in names(boards):
            began = time.perf_counter()
            handle = domain.aggregate(board, name)
            handle.send(RenameCard(card="card-0000", title="cold")).result(600)
            times.append(time.perf_counter() - began)
    return times
