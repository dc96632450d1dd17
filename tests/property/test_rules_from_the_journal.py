"""What a rule comes to depends on the journal alone, in whatever way a history is lived.

Some dozens of histories in CI, ten thousand in `./scripts/soak`; `COMITY_HISTORIES=500`, or
`COMITY_HISTORIES=17-17` for one of them, says otherwise. A failure names its seed.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest
from tests.property.rule_story import History, Life
from tests.property.typing_story import Together
from tests.property.ways import WAYS

from comity.actors.runtime.runtime import Runtime
from comity.actors.runtime.thread_runtime import THREADS


def seeds(default: int) -> range:
    """The seeds to play."""
    first, dash, last = os.environ.get("COMITY_HISTORIES", str(default)).partition("-")
    return range(int(first), int(last) + 1) if dash else range(int(first))


def differences(
    seed: int, history: History, way: str, folder: Path, runtime: Runtime = THREADS
) -> list[str]:
    """Where a live engine answered something else than follows from the history."""
    here = folder / f"{seed} {way}"
    here.mkdir()
    answers = Life(history, WAYS[way], here, seed, runtime).live().answers
    return [
        f"seed {seed}, {way}, step {step}: {said}\n  answered {answer}\n  should be {right}"
        for step, (said, answer, right) in enumerate(
            zip(history.said, answers, history.answers, strict=True)
        )
        if answer != right
    ]


def texts(seed: int, way: str, folder: Path, runtime: Runtime = THREADS) -> tuple[set[str], int]:
    """All the texts that people end with, and how many of their edits came to nothing."""
    here = folder / f"typing {seed} {way}"
    here.mkdir()
    together = Together(seed, WAYS[way], here, runtime).play()
    return {together.text, *(editor.text for editor in together.editors)}, together.dropped


@pytest.mark.parametrize("way", WAYS)
def test_a_history_has_the_same_answers_in_every_way_to_live_it(way: str, tmp_path: Path) -> None:
    counted: Counter[str] = Counter()
    for seed in range(12):
        history = History(seed)
        assert differences(seed, history, way, tmp_path) == []
        counted += Counter(str(answer[0]) for answer in history.answers)
    wanted = {"applied", "merged", "rebased", "unchanged", "rejected"}
    assert wanted <= counted.keys(), "the histories are poorer than they were"


@pytest.mark.parametrize("way", WAYS)
def test_people_who_type_over_each_other_end_with_one_text_in_every_way(
    way: str, tmp_path: Path
) -> None:
    dropped = 0
    for seed in range(8):
        ended, nothing = texts(seed, way, tmp_path)
        assert len(ended) == 1, f"seed {seed}: {ended}"
        dropped += nothing
    assert dropped, "no edit came to nothing"


@pytest.mark.parametrize("way", ["two processes", "two small processes", "on a log"])
def test_a_dropped_command_counts_after_another_process_has_appended_behind_it(
    way: str, tmp_path: Path
) -> None:
    """There a rule dropped a command in one process; the other appended, merging nothing."""
    assert differences(573, History(573, steps=40), way, tmp_path) == []


def test_a_command_is_dropped_behind_the_newest_event_that_its_process_knows(
    tmp_path: Path,
) -> None:
    """Another process had appended two events meanwhile; a preview followed in the same turn."""
    assert differences(996, History(996, steps=40), "two small processes", tmp_path) == []


@pytest.mark.slow
@pytest.mark.timeout(14400)
def test_ten_thousand_histories_have_the_same_answers_too(tmp_path: Path) -> None:
    """Each in one of the ways, and now and then some people who type."""
    found: list[str] = []
    for seed in seeds(10_000):
        dice = random.Random(seed)
        history, way = History(seed, steps=dice.choice((12, 20, 40))), dice.choice(sorted(WAYS))
        found += differences(seed, history, way, tmp_path)
        if seed % 4 == 0 and len(ended := texts(seed, way, tmp_path)[0]) > 1:
            found.append(f"seed {seed}, {way}: they ended with {ended}")
        assert len(found) < 10, found
    print(f"\n{len(seeds(10_000)):,} histories: {len(found)} differences")
    assert found == []
