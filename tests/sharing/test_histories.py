"""What several processes on one path are told fits one serial order, and is the truth.

A few histories in CI, hundreds in `./scripts/soak`; `COMITY_SEEDS=500`, or `COMITY_SEEDS=17-17` for
one of them, says otherwise. A failure names its seed.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.property.test_serial_order import seeds
from tests.sharing.counts import Counts
from tests.sharing.playing import Cast, play
from tests.sharing.ways import USUAL, Setup

from comity.actors import Policy

SMALL = Setup(Policy(tail=3, max_live=2, snapshot_every=4, inbox=64), flush=16)
CLOCKS = [Setup(hours=hours) for hours in (0, 1, -1)]
MODEL = Setup(models=[Counts])
WAYS = {
    "four aggregates": Cast(bursts=15),
    "one hot aggregate": Cast(keys=("hot",), bursts=15),
    "small and usual setups": Cast(setups=(SMALL, USUAL)),
    "small setups": Cast(setups=(SMALL,), kills=2),
    "clocks that differ by hours": Cast(setups=CLOCKS, bursts=15),
    "kills": Cast(bursts=15, kills=3),
    "a model": Cast(setups=(MODEL,), bursts=15),
    "a model and kills": Cast(setups=(MODEL,), bursts=15, kills=3),
    "stops": Cast(bursts=15, stops=2),
}


QUICK = ("four aggregates", "one hot aggregate", "small setups", "a model and kills")


@pytest.mark.parametrize("way", QUICK)
def test_every_answer_of_three_processes_fits_one_order(way: str, tmp_path: Path) -> None:
    figures = play(tmp_path, 1, WAYS[way])
    print(f"\n{way}: {dict(figures)}")
    assert {"applied", "merged", "rebased", "unchanged", "Rejected", "retried"} <= figures.keys()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_answer_of_hundreds_of_histories_fits_one_order(tmp_path: Path) -> None:
    total: Counter[str] = Counter()
    for seed in seeds(300):
        way = list(WAYS.values())[seed % len(WAYS)]
        total += play(tmp_path, seed, way)
    print(f"\n{len(seeds(300))} histories: {dict(total)}")
