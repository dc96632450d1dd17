"""Short rounds on tmpfs, of which the least counts: what else the machine does only adds to it."""

from __future__ import annotations

import gc
import statistics
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.job import Result

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a new folder is made in it
_FAST: Final = 0.2
"""Seconds below which the costs are only tried out."""


@contextmanager
def in_memory(folder: Path) -> Generator[Path]:
    """A new folder on tmpfs, where a flush takes no time; in `folder` if there is no tmpfs."""
    place = _MEMORY if _MEMORY.is_dir() else folder
    with tempfile.TemporaryDirectory(dir=place, prefix="bench-") as made:
        yield Path(made)


def size(seconds: float, full: int) -> int:
    """How many there are of something: a hundredth where a test only tries it out."""
    return full if seconds >= _FAST else max(1, full // 100)


def costs(measure: Callable[[], float], seconds: float, rounds: int) -> list[float]:
    """The cost of each round. One round before them is not counted."""
    measure()
    gc.collect()
    gc.freeze()
    try:
        return [measure() for _ in range(rounds if seconds >= _FAST else 2)]
    finally:
        gc.unfreeze()


def result(found: list[float], unit: str, proof: str, **facts: float) -> Result:
    """The least of the rounds; the median is a fact."""
    told = {"median": statistics.median(found), "rounds": float(len(found)), **facts}
    return Result(min(found), unit, proof, told)
