"""`comity check` of a whole journal, beside reading the journal without looking at the events."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.experiments.finding import Finding
from benchmarks.filled import fill
from benchmarks.peers.comity_board import board
from benchmarks.proof import Wrong
from comity.engine.journal.opener import LmdbOpener
from comity.evolution import check_journal

_ROUNDS: Final = 3
_EACH: Final = 1_000
"""Events of each board."""
_SIZES: Final = {2.0: 1_000, 0.5: 100, 0.0: 2}
"""The number of boards, by the least seconds of a window."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """CPU seconds: the best of three rounds, in turn."""
    boards = next(many for least, many in _SIZES.items() if seconds >= least)
    path, events = folder / "journal", boards * _EACH
    fill(path, boards, _EACH)
    ways: dict[str, Callable[[Path], int]] = {"a raw scan": _scan, "check": _check}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(_ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            found = way(path)
            best[name] = min(best[name], time.process_time() - began)
            if found != events:
                msg = f"{name}: {found:,} events, and the journal has {events:,}"
                raise Wrong(msg)
    return [
        Finding(
            f"{name} of {events:,} events", took, "s", best["a raw scan"],
            f"{took / events * 1e6:.1f} µs for each event, {events / took:,.0f} events a second",
        )
        for name, took in best.items()
    ]  # fmt: skip


def _scan(path: Path) -> int:
    """Read every record, and count the events."""
    journal = LmdbOpener(path).open(read_only=True)
    try:
        return sum(len(record.events) for _, record in journal.read_every())
    finally:
        journal.close()


def _check(path: Path) -> int:
    """Load every event, and fold every state."""
    found = check_journal(path, [board])
    if not found.is_fine or found.broken:
        raise Wrong(f"problems: {found.problems}")
    return found.events
