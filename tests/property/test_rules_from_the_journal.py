"""What a rule comes to depends on the journal alone, in whatever way a history is lived."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.property.rule_story import WAYS, History, Life


def differences(seed: int, folder: Path, ways: list[str]) -> list[str]:
    """Where a live engine answered something else than the history says."""
    history = History(seed)
    found: list[str] = []
    for name in ways:
        here = folder / f"{seed}-{name}"
        here.mkdir()
        life = Life(history, WAYS[name], here, seed).live()
        for number, (is_, should) in enumerate(zip(life.answers, history.answers, strict=True)):
            if is_ != should:
                said = history.said[number]
                found.append(
                    f"seed {seed}, {name}, {number}: {said}\n  is     {is_}\n  should {should}"
                )
    return found


@pytest.mark.parametrize("name", WAYS)
def test_the_same_history_gives_the_same_answers_in_every_way_to_live_it(
    name: str, tmp_path: Path
) -> None:
    for seed in range(40):
        assert differences(seed, tmp_path, [name]) == []
