"""Random interleavings of people with old views, retries and restarts fit some serial order.

A hundred seeds in CI, a thousand in `./scripts/soak`; `COMITY_SEEDS=5000`, or `COMITY_SEEDS=17-17`
for one of them, says otherwise. A failure names its seed.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from tests.property.story import Story
from tests.property.witness import Broken, check

from comity.engine import Outcome


def seeds(default: int) -> range:
    """The seeds to play."""
    first, dash, last = os.environ.get("COMITY_SEEDS", str(default)).partition("-")
    return range(int(first), int(last) + 1) if dash else range(int(first))


def play(numbers: range, folder: Path) -> Counter[str]:
    """Play and check each of them."""
    counted: Counter[str] = Counter()
    for seed in numbers:
        try:
            counted += check(Story(seed, folder).play())
        except Broken as broken:
            msg = f"seed {seed}: {broken}"
            raise Broken(msg) from None
    print(f"\n{len(numbers)} seeds: {dict(counted)}")
    return counted


def test_every_answer_fits_a_serial_order_and_is_the_truth(tmp_path: Path) -> None:
    played = seeds(100)
    counted = play(played, tmp_path)
    wanted = {*map(str, Outcome), "retried", "tried", "commuting by the matrix"}
    wanted |= {"Stale", "Repeated", "Snapshot"}  # somebody was first, sent twice, left memory
    assert wanted <= counted.keys() or len(played) < 100, "the stories are poorer than they were"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_answer_of_a_thousand_seeds_fits_one_too(tmp_path: Path) -> None:
    play(seeds(1000), tmp_path)
