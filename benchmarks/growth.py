"""Growth: the cost of a command as aggregates and events increase. It should stay constant."""

from __future__ import annotations

import gc
import random
import time
from collections import Counter, deque
from pathlib import Path
from typing import Final

from benchmarks.board import title
from benchmarks.filled import fill, names
from benchmarks.job import Job, Result
from benchmarks.peers.comity_board import BoardEvent, Handle, RenameCard, board
from benchmarks.proof import Wrong
from comity.actors import Domain, Pending
from comity.engine import Receipt

_WORKING: Final = 1_000
"""The number of aggregates that get commands."""
_IN_FLIGHT: Final = 512


def run(job: Job, folder: Path) -> Result:
    """Fill a journal, then measure one client on some of its aggregates."""
    boards, each = int(job.case.options["boards"]), int(job.case.options["each"])
    path = folder / "boards"
    fill(path, boards, each)
    chance = random.Random(5)  # noqa: S311 - repeatable
    chosen = chance.sample(names(boards), min(boards, _WORKING))
    with Domain.open(path, deciders=[board]) as domain:
        handles = [domain.aggregate(board, name) for name in chosen]
        sent: Counter[str] = Counter()
        for start in range(0, len(handles), 100):  # into memory
            pendings = [
                handle.send(RenameCard(card="card-0000", title=title(1, 0)))
                for handle in handles[start : start + 100]
            ]
            sent.update(handle.id.key for handle in handles[start : start + 100])
            for pending in pendings:
                pending.result(600)
        gc.collect()
        gc.freeze()
        _work(handles, job.seconds / 3, sent, chance)
        cpu, began = time.process_time(), time.perf_counter()
        done = _work(handles, job.seconds, sent, chance)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        found = {handle.id.key: handle.version - each for handle in handles}
        position = domain.statistics().position
    if found != dict(sent) or position != boards * each + sent.total():
        msg = f"expected {boards * each + sent.total():,} events, got {position:,}"
        raise Wrong(msg)
    facts = {"µs CPU per command": cpu * 1e6 / done}
    proof = f"each aggregate has its commands; {position:,} events"
    return Result(seconds * 1e6 / done, "µs per command", proof, facts)


def _work(handles: list[Handle], seconds: float, sent: Counter[str], chance: random.Random) -> int:
    until, done = time.perf_counter() + seconds, 0
    waiting: deque[Pending[Receipt[BoardEvent]]] = deque()
    while time.perf_counter() < until:
        handle = chance.choice(handles)
        waiting.append(handle.send(RenameCard(card="card-0000", title=title(1, done))))
        sent[handle.id.key] += 1
        done += 1
        if len(waiting) >= _IN_FLIGHT:
            waiting.popleft().result(60)
    for pending in waiting:
        pending.result(60)
    return done
