"""kill -9 of random programs out of four on one path: at work, opening, closing, stopped.

They have two models, two outlets, a process with timers. Nothing is lost, doubled or half; whatever
follows the journal has another leader soon. 2,000 kills in `./scripts/soak`, a few in CI;
`COMITY_KILLS` says how many.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.crash.reaching.facts import facts_of
from tests.crash.reaching.judge import judged
from tests.crash.reaching.leaders import TakeOver
from tests.crash.reaching.pack import Stop
from tests.crash.reaching.pauses import figures_of, pauses, wrong_notes
from tests.crash.reaching.sharer import read_notes

ROOT = Path(__file__).parents[2]
IN_A_ROW = 50
"""Kills of programs on one journal."""


@dataclass
class Told:
    """What came of it."""

    figures: Counter[str] = field(default_factory=Counter[str])
    taken: list[TakeOver] = field(default_factory=list[TakeOver])
    well: list[float] = field(default_factory=list[float])
    """Seconds of commands."""
    stopped: list[float] = field(default_factory=list[float])
    """Seconds of commands while another program was stopped."""

    def add(self, more: Told) -> None:
        """Add those of another journal."""
        self.figures += more.figures
        self.taken += more.taken
        self.well = sorted(self.well + more.well)
        self.stopped = sorted(self.stopped + more.stopped)

    def show(self) -> None:
        """Print everything."""
        print(f"\n{dict(self.figures)}")
        print(f"commands: {_spread(self.well)}; beside a stopped program: {_spread(self.stopped)}")
        for why in sorted({one.why for one in self.taken}):
            spread = _spread(sorted(one.seconds for one in self.taken if one.why == why))
            print(f"another leads after one was {why}: {spread}", flush=True)
        for one in sorted(self.taken, key=lambda one: -one.seconds)[:5]:
            print(f"  {one.seconds:.2f} s: {one.name}, {one.why}")


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    p50, p99 = (seconds[int(len(seconds) * part)] for part in (0.5, 0.99))
    return f"{len(seconds):,}, p50 {p50:.3f} s, p99 {p99:.3f} s, max {seconds[-1]:.3f} s"


def kill_again_and_again(kills: int, seed: int) -> Told:
    """Kill so often, then judge. What failed stays in its folder."""
    folder = Path(tempfile.mkdtemp(prefix="comity-pack-"))  # the path of a socket must be short
    program = [sys.executable, "-m", "tests.crash.reaching.pack", str(folder)]
    ended = subprocess.run(
        [*program, str(seed), str(kills)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{folder}: {ended.stderr[-5_000:]}"
    said = json.loads(ended.stdout)
    notes = list(read_notes(folder / "notes"))
    wrong = list(wrong_notes(notes, folder / "shop"))
    assert not wrong, f"{folder}: {len(wrong)} faults:\n" + "\n".join(wrong[:20])
    figures = judged(facts_of(folder / "shop", folder / "ledger")) + figures_of(notes)
    well, stopped = pauses(notes, [Stop(*one) for one in said["stops"]])
    shutil.rmtree(folder)
    told = Told(figures, [TakeOver(*one) for one in said["taken"]], well, stopped)
    told.figures += Counter(kills=kills, stops=len(said["stops"]))
    return told


def test_whichever_of_four_programs_are_killed_all_happens_once_and_in_order() -> None:
    told = kill_again_and_again(5, seed=1)
    told.show()
    assert told.figures["orders"] > 0
    assert told.figures["receipts"] > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_2000_kills_of_four_programs_all_has_happened_once_and_in_order() -> None:
    kills, told = int(os.environ.get("COMITY_KILLS", "2000")), Told()
    for seed in range(-(-kills // IN_A_ROW)):
        told.add(kill_again_and_again(min(IN_A_ROW, kills - seed * IN_A_ROW), seed))
        told.show()
    assert told.figures["kills"] == kills
