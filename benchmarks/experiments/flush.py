"""Would one flush instead of two help a single client? Measures only floors, without an engine.

LMDB flushes the pages of a commit, then its meta page. A log in a preallocated file needs one
flush; so does LMDB with `metasync=False`, but a crash may lose the last commit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import lmdb

from benchmarks.experiments.finding import Finding
from benchmarks.floor import BYTES
from benchmarks.latency import Latency
from benchmarks.proof import Wrong

_ROOM: Final = 16 << 20
_ROUNDS: Final = 3
_LMDB: Final = "LMDB commit, two flushes (as it is)"
_NO_META: Final = "LMDB commit, metasync=False, one flush (a crash may lose the last commit)"
_FILE: Final = "append to a preallocated file + fdatasync, one flush"

Commit: TypeAlias = Callable[[bytes], None]


def run(folder: Path, seconds: float) -> list[Finding]:
    """Measure each way in turn with the same bytes, and read the stored bytes back."""
    took: dict[str, list[float]] = {name: [] for name in (_LMDB, _NO_META, _FILE)}
    for number in range(_ROUNDS):
        for name, times in took.items():
            place = folder / f"{number} {name.partition(',')[0]} {len(name)}"
            ways = _appending(place) if name == _FILE else _lmdb(place, metasync=name == _LMDB)
            with ways as (commit, stored):
                written = _timed(commit, seconds / _ROUNDS, times)
                _expect(stored(), written)
    findings: list[Finding] = []
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        today = Latency.of(took[_LMDB]).quantile(share) * 1e3
        for name, times in took.items():
            found = Latency.of(times).quantile(share) * 1e3
            note = f"{BYTES} bytes each; all of {len(times):,} commits were read back"
            findings.append(Finding(f"{name}: {label}", found, "ms", today, note))
    return findings


def _timed(commit: Commit, seconds: float, times: list[float]) -> list[bytes]:
    """Commit for some seconds; returns the committed values."""
    written: list[bytes] = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        written.append(len(written).to_bytes(8, "big") + os.urandom(BYTES - 8))
        began = time.perf_counter()
        commit(written[-1])
        times.append(time.perf_counter() - began)
    return written


Way: TypeAlias = Generator[tuple[Commit, Callable[[], list[bytes]]]]


@contextmanager
def _lmdb(place: Path, *, metasync: bool) -> Way:
    with lmdb.open(str(place), map_size=1 << 30, metasync=metasync) as env:

        def commit(value: bytes) -> None:
            with env.begin(write=True) as txn:
                txn.put(value[:8], value, append=True)

        def stored() -> list[bytes]:
            with env.begin() as txn:
                return [bytes(value) for _, value in txn.cursor()]

        yield commit, stored


@contextmanager
def _appending(place: Path) -> Way:
    with place.open("wb") as made:
        made.write(bytes(_ROOM))
        made.flush()
        os.fsync(made.fileno())
    file, end = os.open(place, os.O_WRONLY), 0

    def commit(value: bytes) -> None:
        nonlocal end
        os.pwrite(file, value, end)
        os.fdatasync(file)
        end += len(value)

    def stored() -> list[bytes]:
        data = place.read_bytes()[:end]
        return [data[at : at + BYTES] for at in range(0, end, BYTES)]

    try:
        yield commit, stored
    finally:
        os.close(file)


def _expect(found: list[bytes], wanted: list[bytes]) -> None:
    if found != wanted:
        msg = f"expected to read back {len(wanted):,} commits, got {len(found):,}"
        raise Wrong(msg)
