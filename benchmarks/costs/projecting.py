"""A model: kept up to date beside commands, built at a first start, and by `comity rebuild`."""

from __future__ import annotations

import itertools
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.costs.cards import CARDS, Cards, commands, names, write
from benchmarks.costs.rounds import costs, in_memory, result, size
from benchmarks.job import Job, Result
from benchmarks.peers.comity_board import board
from benchmarks.proof import Wrong
from comity.actors import Domain

_EVENTS: Final = 20_000


def run(job: Job, folder: Path) -> Result:
    """CPU of all threads for each event."""
    way = job.case.options["way"]
    with in_memory(folder) as path:
        return _live(job, path) if way == "live" else _built(job, path, way)


def _live(job: Job, path: Path) -> Result:
    """A command and its row: 20 boards, 100 commands for each at once."""
    boards, numbers = names(size(job.seconds, 20)), itertools.count()
    with Domain.open(path / "boards", deciders=[board], read_models=[Cards]) as domain:

        def measure() -> float:
            began, number = time.process_time(), next(numbers)
            batches = [domain.aggregate(board, name).send_many(commands(number)) for name in boards]
            for batch in batches:
                batch.result(60)
            domain.read(Cards, after=domain.statistics().position, timeout=60).close()
            return (time.process_time() - began) / (len(boards) * CARDS) * 1e6

        found = costs(measure, job.seconds, 12)
        _check(domain, len(boards) * CARDS)
    return result(found, "µs CPU", f"{len(boards) * CARDS:,} rows")


def _built(job: Job, path: Path, way: str) -> Result:
    """Events of a journal into an empty model."""
    with Domain.open(path / "boards", deciders=[board]) as domain:
        events = write(domain, size(job.seconds, _EVENTS))
    numbers, build = itertools.count(), _BUILDS[way]

    def measure() -> float:
        return build(path / "boards", path / f"models {next(numbers)}", events) / events * 1e6

    found = costs(measure, job.seconds, 3)
    facts = {"events per CPU second": 1e6 / min(found)}
    return result(found, "µs CPU", f"{events:,} events", **facts)


def _first_start(path: Path, models: Path, events: int) -> float:
    """CPU seconds of opening a domain whose model has no tables yet."""
    began = time.process_time()
    with Domain.open(path, deciders=[board], read_models=[Cards], models=models) as domain:
        domain.read(Cards, after=events, timeout=600).close()
        took = time.process_time() - began
        _check(domain, max(1, events // (10 * CARDS)) * CARDS)
    return took


def _rebuild(path: Path, models: Path, _: int) -> float:
    """CPU seconds of `comity rebuild`, in this process: loading the program is not counted."""
    told = f"{path} benchmarks.costs.cards:Cards --decider benchmarks.peers.comity_board:board"
    before, sys.argv = sys.argv, ["comity", "rebuild", *told.split(), "--models", str(models)]
    began = time.process_time()
    try:
        runpy.run_module("comity.cli", run_name="__main__")
    except SystemExit as end:
        if end.code:
            msg = f"comity rebuild ended with {end.code}"
            raise Wrong(msg) from None
    finally:
        sys.argv = before
    return time.process_time() - began


def _check(domain: Domain, rows: int) -> None:
    with domain.read(Cards) as cards:
        if (found := cards.rows.count()) != rows:
            msg = f"{found:,} rows instead of {rows:,}"
            raise Wrong(msg)


_BUILDS: Final[dict[str, Callable[[Path, Path, int], float]]] = {
    "first start": _first_start,
    "comity rebuild": _rebuild,
}
