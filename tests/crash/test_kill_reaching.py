"""kill -9 under load, with two outlets, a process, timers, and a service that fails half the time.

Each order takes effect once, each timer rings once, each event is delivered, in order for its key.
1,000 kills in `./scripts/soak`, a few in CI; `COMITY_KILLS` says how many.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from tests.crash.reaching.facts import facts_of
from tests.crash.reaching.judge import judged

ROOT = Path(__file__).parents[2]
IN_A_ROW = 50
"""Kills of one journal."""


def kill_again_and_again(kills: int, seed: int) -> Counter[str]:
    """Kill so often, then judge; returns the figures. What failed stays in its folder."""
    folder = Path(tempfile.mkdtemp(prefix="comity-reach-"))  # the path of a socket must be short
    program = [sys.executable, "-m", "tests.crash.reaching.killer", str(folder)]
    ended = subprocess.run(
        [*program, str(seed), str(kills)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{folder}: {ended.stderr[-5_000:]}"
    figures = judged(facts_of(folder / "shop", folder / "ledger"))
    shutil.rmtree(folder)
    return figures + Counter(kills=kills)


def test_whatever_is_killed_when_all_happens_once_and_in_order() -> None:
    figures = kill_again_and_again(5, seed=1)
    print(f"\n{dict(figures)}")
    assert figures["orders"] > 0
    assert figures["delivered"] > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_1000_kills_all_has_happened_once_and_in_order() -> None:
    kills, figures = int(os.environ.get("COMITY_KILLS", "1000")), Counter[str]()
    for seed in range(-(-kills // IN_A_ROW)):
        figures += kill_again_and_again(min(IN_A_ROW, kills - seed * IN_A_ROW), seed)
        print(f"\n{dict(figures)}", flush=True)
    assert figures["kills"] == kills
