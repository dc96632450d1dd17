"""Nine kinds of damage to a file, as disks, file systems and careless programs do it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path

PAGE = 4_096
SECTOR = 512


def _bit(file: Path, rng: random.Random) -> None:
    """One bit of the whole file."""
    _flip(file, rng, rng.randrange(file.stat().st_size))


def _meta(file: Path, rng: random.Random) -> None:
    """One bit of what the two first pages say."""
    _flip(file, rng, rng.choice([0, PAGE]) + rng.randrange(16 + 136))


def _header(file: Path, rng: random.Random) -> None:
    """One bit of a page's header or of its first offsets."""
    _flip(file, rng, _page(file, rng) * PAGE + rng.randrange(32))


def _sector(file: Path, rng: random.Random) -> None:
    """A sector of garbage."""
    at = rng.randrange(file.stat().st_size // SECTOR) * SECTOR
    _write(file, at, rng.randbytes(SECTOR))


def _zero(file: Path, rng: random.Random) -> None:
    """A page of zeros."""
    _write(file, _page(file, rng) * PAGE, bytes(PAGE))


def _swap(file: Path, rng: random.Random) -> None:
    """Two pages, each in the place of the other."""
    data = file.read_bytes()
    one, other = _page(file, rng) * PAGE, _page(file, rng) * PAGE
    _write(file, one, data[other : other + PAGE])
    _write(file, other, data[one : one + PAGE])


def _cut(file: Path, rng: random.Random) -> None:
    """The end is gone, anywhere."""
    os.truncate(file, rng.randrange(file.stat().st_size))


def _cut_pages(file: Path, rng: random.Random) -> None:
    """The last few pages are gone."""
    os.truncate(file, file.stat().st_size - PAGE * rng.randrange(1, 9))


def _empty_end(file: Path, rng: random.Random) -> None:
    """The last few pages are zeros."""
    size = min(file.stat().st_size, PAGE * rng.randrange(1, 9))
    _write(file, file.stat().st_size - size, bytes(size))


HARMS: Mapping[str, Callable[[Path, random.Random], None]] = {
    "bit": _bit,
    "meta": _meta,
    "header": _header,
    "sector": _sector,
    "zero page": _zero,
    "swap": _swap,
    "cut": _cut,
    "cut pages": _cut_pages,
    "empty end": _empty_end,
}


def _page(file: Path, rng: random.Random) -> int:
    return rng.randrange(2, file.stat().st_size // PAGE)


def _flip(file: Path, rng: random.Random, at: int) -> None:
    data = file.read_bytes()[at]
    _write(file, at, bytes([data ^ 1 << rng.randrange(8)]))


def _write(file: Path, at: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(data)
