"""The floors: the machine without an engine. LMDB, a file, and the board's rules in plain Python.

The first two write as many bytes in groups of the same size as comity did in the same round.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final

import lmdb

from benchmarks.board import apply, check, fold
from benchmarks.job import Job, Result
from benchmarks.latency import Latency
from benchmarks.proof import Wrong
from benchmarks.shape import SHAPES

BYTES: Final = 280
"""Bytes per command in a commit of comity's journal: event, sender, time, id, checksums."""


def run(job: Job, folder: Path) -> Result:
    """Measure one floor with the batch size in the hints."""
    batch = max(1, round(job.hints.get("commands per commit", 1)))
    size = max(1, round(job.hints.get("bytes per command", BYTES)))
    if job.contender == "raw decide + evolve":
        return _plain(job)
    return {
        "raw LMDB": _lmdb,
        "raw LMDB, record each": _lmdb_records,
        "raw write + fdatasync": _file,
    }[job.contender](job.seconds, folder, batch, size)


def _timed(seconds: float, batch: int, commit: Callable[[int], None]) -> tuple[int, Result]:
    times: list[float] = []
    began = now = time.perf_counter()
    while now - began < seconds:
        commit(len(times))
        then, now = now, time.perf_counter()
        times.append(now - then)
    rate = len(times) * batch / (now - began)
    facts = {"commands per commit": float(batch)}
    proof = f"{len(times):,} commits of {batch:,} commands are there"
    return len(times), Result(rate, "commands/s", proof, facts, Latency.of(times))


def _lmdb(seconds: float, folder: Path, batch: int, size: int) -> Result:
    value = os.urandom(size * batch)
    with lmdb.open(str(folder / "floor"), map_size=1 << 40, subdir=True) as env:

        def commit(number: int) -> None:
            with env.begin(write=True) as txn:
                txn.put(number.to_bytes(8, "big"), value, append=True)

        done, result = _timed(seconds, batch, commit)
        _expect(env.stat()["entries"], done)
    return result


def _lmdb_records(seconds: float, folder: Path, batch: int, size: int) -> Result:
    value = os.urandom(size)
    with lmdb.open(str(folder / "floor"), map_size=1 << 40, subdir=True) as env:

        def commit(number: int) -> None:
            with env.begin(write=True) as txn:
                for key in range(number * batch, number * batch + batch):
                    txn.put(key.to_bytes(8, "big"), value, append=True)

        done, result = _timed(seconds, batch, commit)
        _expect(env.stat()["entries"], done * batch)
    return result


def _file(seconds: float, folder: Path, batch: int, size: int) -> Result:
    value = os.urandom(size * batch)
    path = folder / "floor"
    room = 256 << 20
    with path.open("wb") as made:
        for _ in range(room >> 20):
            made.write(bytes(1 << 20))
        made.flush()
        os.fsync(made.fileno())
    file = os.open(path, os.O_WRONLY)
    try:

        def commit(number: int) -> None:
            os.pwrite(file, value, number * len(value) % max(1, room - len(value)))
            os.fdatasync(file)

        done, result = _timed(seconds, batch, commit)
    finally:
        os.close(file)
    with path.open("rb") as found:
        found.seek((done - 1) * len(value) % max(1, room - len(value)))
        _expect(found.read(len(value)), value)
    return result


def _plain(job: Job) -> Result:
    shape = SHAPES[job.case.options["shape"]]
    boards = fold(shape.setting_up())
    changes = list(islice(shape.script(0, 1), 20_000))
    until = time.perf_counter() + job.seconds
    done, spent, rounds = 0, 0.0, 0
    while time.perf_counter() < until:
        boards = fold(shape.setting_up())
        began = time.perf_counter()
        for change in changes:
            cards = boards[change.board]
            check(cards, change)
            apply(cards, change)
        spent += time.perf_counter() - began
        done += len(changes)
        rounds += 1
    _expect(boards, fold([*shape.setting_up(), *changes]))
    return Result(done / spent, "commands/s", f"{rounds:,} times {len(changes):,} commands")


def _expect(found: object, wanted: object) -> None:
    if found != wanted:
        msg = f"the floor does not hold what it wrote: {found!r:.80}"
        raise Wrong(msg)
