"""Memory of an aggregate with one card: while it is live, and after it has left memory."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Final

from benchmarks.costs.rounds import in_memory, result, size
from benchmarks.job import Job, Result
from benchmarks.peers.comity_board import CreateCard, board
from benchmarks.proof import Wrong
from comity.actors import Domain, Policy

_AT_ONCE: Final = 250
_LIVE: Final = 500
"""How many are live at once where the others are only known."""

_WARM: Final = 2 * _LIVE


def run(job: Job, folder: Path) -> Result:
    """Bytes that Python's allocator has given out: exact, unlike the size of the process.

    An aggregate that is only known has its place in a cache of the journal, which holds at most
    some 65,000.
    """
    live, many = bool(job.case.options["live"]), max(_AT_ONCE, size(job.seconds, 5_000))
    policy = Policy(max_live=_WARM + 2 * many if live else _LIVE)
    with in_memory(folder) as path, Domain.open(path, deciders=[board], policy=policy) as domain:
        tracemalloc.start()
        try:
            _make(domain, 0, _WARM)
            before = _traced()
            _make(domain, _WARM, _WARM + many)
            grown = _traced() - before
        finally:
            tracemalloc.stop()
        found = domain.statistics()
    expected = _WARM + many
    if found.position != expected or (found.live == expected) is not live:
        msg = f"{found.position:,} events, {found.live:,} live; {expected:,} were expected"
        raise Wrong(msg)
    return result([grown / many], "bytes", f"{expected:,} aggregates, {found.live:,} live")


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _make(domain: Domain, start: int, end: int) -> None:
    for first in range(start, end, _AT_ONCE):
        some = [
            domain.aggregate(board, f"board-{number:07}").send(
                CreateCard(card="card", title=f"Task {number}")
            )
            for number in range(first, min(first + _AT_ONCE, end))
        ]
        for pending in some:
            pending.result(60)
