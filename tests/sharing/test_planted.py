"""The judge is worth something: each of these faults, planted into three processes, it finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.property.test_serial_order import seeds
from tests.sharing.planted import PLANTS, planting
from tests.sharing.playing import Cast, play
from tests.sharing.ways import Setup

from comity.actors import Policy

SMALL = Policy(tail=3, max_live=2, snapshot_every=4)


def found(folder: Path, setup: Setup) -> str:
    """What the judge says, once it says something."""
    for seed in seeds(20):
        try:
            play(folder, seed, Cast(setups=(setup,), keys=("hot", "x", "y"), bursts=15))
        except AssertionError as fault:
            return str(fault)
    return ""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PLANTS)
def test_the_judge_notices_when(name: str, tmp_path: Path) -> None:
    said = found(tmp_path, Setup(SMALL, plant=planting(name)))
    print(f"\n{name}: {said[:300]}")
    assert said
