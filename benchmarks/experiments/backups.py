"""How many commands does a domain take while it is backed up, and how long does a backup take?

The clients of one process have 512 commands in flight. Meanwhile nobody backs up; or a thread of
the same process does, again and again; or another process does. Backups are full ones, each into a
new folder, or incremental ones, all into the same folder. The last backup of each way is restored
and compared.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Final

from benchmarks.experiments.finding import Finding
from benchmarks.experiments.ways import Rename, board
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from comity.actors import Domain, backup, check_backup, restore
from comity.engine.backups.backed_up import BackedUp
from comity.engine.journal.opener import LmdbOpener

_SENDERS: Final = 512
_BOARDS: Final = 2_000
_ROUNDS: Final = 5
_LONG: Final = 0.5
"""Seconds of a window from which the figures mean something."""
_FILLED: Final = 200_000
_AT_ONCE: Final = 500


@dataclass
class Way:
    """A way to back up, with the figures of its rounds."""

    name: str
    new: bool
    """Whether each backup has a new folder."""
    elsewhere: bool = False
    """Whether another process does it."""
    rates: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])
    backups: int = 0
    done: list[BackedUp] = field(default_factory=list[BackedUp])


def run(folder: Path, seconds: float) -> list[Finding]:
    """Medians of the rounds, in which each way has its turn; then the times of each step."""
    path, many = folder / "team.db", _FILLED if seconds >= _LONG else _AT_ONCE
    ways = [
        Way("no backup", new=False),
        Way("full backups in a thread", new=True),
        Way("backups of what is new in a thread", new=False),
        Way("full backups in another process", new=True, elsewhere=True),
        Way("backups of what is new in another process", new=False, elsewhere=True),
    ]
    with Domain.open(path, deciders=[board]) as domain:
        _fill(domain, many)
        for _ in range(_ROUNDS if seconds >= _LONG else 1):
            for way in ways:
                _round(domain, path, folder, way, seconds)
    return [*_findings(ways), *_times(path, folder)]


def _fill(domain: Domain, many: int) -> None:
    boards = [domain.aggregate(board, f"b{number}") for number in range(many // _AT_ONCE)]
    batches = [
        one.send_many([Rename(card="c", title=f"{title}") for title in range(_AT_ONCE)])
        for one in boards
    ]
    for batch in batches:
        batch.result(600)


def _round(domain: Domain, path: Path, folder: Path, way: Way, seconds: float) -> None:
    stop = Event()
    dest = folder / f"{way.name}.backup"

    def back_up() -> None:
        while not stop.is_set():
            if way.new:
                shutil.rmtree(dest, ignore_errors=True)
            if way.elsewhere:
                words = [sys.executable, "-m", "comity.cli", "backup", str(path), str(dest)]
                subprocess.run(words, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - own
            else:
                way.done.append(domain.backup(dest))
            way.backups += 1

    thread = Thread(target=back_up)
    if way.name != "no backup":
        thread.start()
        time.sleep(seconds / 4)
    cpu = time.process_time()
    rate, commands = asyncio.run(_work(domain, seconds))
    way.cpu.append((time.process_time() - cpu) / commands * 1e6)
    stop.set()
    if way.name != "no backup":
        thread.join()
    way.rates.append(rate)


async def _work(domain: Domain, seconds: float) -> tuple[float, int]:
    began = time.perf_counter()
    until, done = began + seconds, 0

    async def send(number: int) -> None:
        nonlocal done
        cards, turn = [domain.aggregate(board, f"w{one}") for one in range(number, _BOARDS, 97)], 0
        while time.perf_counter() < until or not turn:
            turn += 1
            await cards[turn % len(cards)].send(Rename(card="c", title=f"{number} {turn} {began}"))
            done += 1

    await asyncio.gather(*(send(number) for number in range(_SENDERS)))
    return done / (time.perf_counter() - began), done


def _findings(ways: list[Way]) -> list[Finding]:
    alone = median(ways[0].rates)
    found: list[Finding] = []
    for way in ways:
        ratios = sorted(one / other for one, other in zip(way.rates, ways[0].rates, strict=True))
        note = f"{ratios[0]:.2f} to {ratios[-1]:.2f} × none; {median(way.cpu):.0f} µs CPU a command"
        if way.done:
            bytes_, took = sum(one.size for one in way.done), sum(one.seconds for one in way.done)
            note += f"; {way.backups} backups, {bytes_ / took / 1e6:.1f} MB/s copied and read back"
        elif way.backups:
            note += f"; {way.backups} backups"
        found.append(Finding(f"{way.name}: commands", median(way.rates), "/s", alone, note))
    return found


def _times(path: Path, folder: Path) -> list[Finding]:
    """The times of a full backup, of one that finds nothing new, of a check and a restore."""
    dest, new = folder / "timed.backup", folder / "restored.db"
    steps: dict[str, Callable[[], object]] = {
        "a full backup": lambda: backup(path, dest),
        "a backup that finds nothing new": lambda: backup(path, dest),
        "a check of the backup": lambda: check_backup(dest, beside=folder),
        "a restore": lambda: restore(dest, new, beside=folder),
    }
    found: list[Finding] = []
    results: list[object] = []
    for name, step in steps.items():
        began, cpu = time.perf_counter(), time.process_time()
        results.append(step())
        took, worked = time.perf_counter() - began, time.process_time() - cpu
        found.append(Finding(name, took, "s", None, f"{worked:.2f} s of CPU"))
    first = results[0]
    assert isinstance(first, BackedUp)
    commands, data = _compared(path, new), (dest / "data.mdb").stat().st_size
    told = f"{first.size / 1e6:.1f} MB of commits, {data / 1e6:.1f} MB on the disk; restored: same"
    return [*found, Finding("commands in the backup", commands, "", None, told)]


def _compared(path: Path, new: Path) -> int:
    """Compare two journals command by command; return how many there are."""
    one, other = (LmdbOpener(place).open(read_only=True) for place in (path, new))
    try:
        for here, there in zip(one.read_every(), other.read_every(), strict=True):
            if here != there:
                raise Wrong(f"command {here.number} of the restored journal is another one")
        return one.figures().records
    finally:
        one.close()
        other.close()
