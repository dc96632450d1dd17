"""The property tests once more, in one thread and in an order that a seed chooses.

Nothing may hang on real time, or on a thread that nobody started: whoever waits here does whatever
there is to be done, and where that is nothing, it says so. A failure comes again with its seed.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.actors.shelf import MENDED, TORN
from tests.property import test_models_equal_the_fold as models
from tests.property.rule_story import History
from tests.property.story import Story
from tests.property.test_planted_faults import FAULTS
from tests.property.test_rules_from_the_journal import differences, texts
from tests.property.test_serial_order import seeds
from tests.property.ways import WAYS
from tests.property.witness import Broken, check

from comity.actors.runtime.pending import Pending
from comity.actors.runtime.pooled_actor import PooledActor
from comity.engine import Outcome
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime, Stuck


@pytest.fixture(autouse=True)
def _quiet_and_clean(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, logger="comity")
    yield
    MENDED.clear()


def play(numbers: range, folder: Path) -> Counter[str]:
    """Play and check stories of people with old views."""
    counted: Counter[str] = Counter()
    began = time.perf_counter()
    for seed in numbers:
        runtime = SimulatedRuntime(seed)
        try:
            counted += check(Story(seed, folder, runtime=runtime).play())
        except AssertionError as error:
            msg = f"seed {seed}: {error}"
            raise Broken(msg) from error
        counted["steps"] += runtime.steps
    seconds = time.perf_counter() - began
    each = f"{counted['steps'] / seconds:,.0f} steps/s"
    print(f"\n{len(numbers):,} seeds in {seconds:.0f} s, {each}: {dict(counted)}")
    return counted


def test_every_answer_fits_a_serial_order(tmp_path: Path) -> None:
    counted = play(range(60), tmp_path)
    wanted = {*map(str, Outcome), "retried", "tried", "commuting by the matrix"}
    wanted |= {"Stale", "Repeated", "Snapshot"}
    for more in range(60, 300, 20):  # few stories have an id that was just stored
        if not wanted <= counted.keys():
            counted += play(range(more, more + 20), tmp_path)
    assert wanted <= counted.keys(), "the stories are poorer than they were"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_answer_fits_one_with_two_thousand_seeds_too(tmp_path: Path) -> None:
    play(seeds(2000), tmp_path)


def test_one_seed_is_one_run_and_another_one_is_another(tmp_path: Path) -> None:
    def lived(seed: int, order: int, name: str) -> tuple[int, list[object]]:
        runtime = SimulatedRuntime(order)
        (tmp_path / name).mkdir()
        story = Story(seed, tmp_path / name, runtime=runtime).play()
        return runtime.trace, [*story.journal.read_all(), *(one.answer for one in story.sent)]

    for seed in range(8):
        trace, became = lived(seed, seed, f"{seed}")
        trace_again, became_again = lived(seed, seed, f"{seed} again")
        assert trace == trace_again
        assert repr(became) == repr(became_again)
        assert trace != lived(seed, seed + 1, f"{seed} otherwise")[0]


@pytest.mark.parametrize("planted", FAULTS)
def test_seeds_find_what_is_planted(
    planted: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    FAULTS[planted](monkeypatch)
    with pytest.raises((Broken, Stuck, TimeoutError)):
        for seed in range(300):
            runtime = SimulatedRuntime(seed)
            check(Story(seed, tmp_path, domains=1 + seed % 3, runtime=runtime).play())


def test_seeds_find_an_actor_that_is_not_woken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def sleep_on(_actor: PooledActor[object]) -> None:
        """Instead of going on."""

    monkeypatch.setattr(PooledActor, "wake", sleep_on)
    with pytest.raises(TimeoutError):
        for seed in range(300):
            Story(seed, tmp_path, domains=2, runtime=SimulatedRuntime(seed)).play()


def test_who_waits_for_what_nobody_brings_is_told() -> None:
    with pytest.raises(Stuck):
        Pending[int]("never", SimulatedRuntime(0)).result()


@pytest.mark.parametrize("way", WAYS)
def test_a_history_has_the_same_answers_in_every_way_to_live_it(way: str, tmp_path: Path) -> None:
    for seed in range(12):
        found = differences(seed, History(seed), way, tmp_path, SimulatedRuntime(seed))
        assert found == []


@pytest.mark.parametrize("way", WAYS)
def test_people_who_type_over_each_other_end_with_one_text(way: str, tmp_path: Path) -> None:
    for seed in range(8):
        ended, _ = texts(seed, way, tmp_path, SimulatedRuntime(seed))
        assert len(ended) == 1, f"seed {seed}: {ended}"


def test_a_model_is_the_fold_of_whatever_story(tmp_path: Path) -> None:
    does = ("write", "write", "write", "stamp", "rebuild", "replay", "pause", "reopen", "check")
    for seed in range(12):
        dice, runtime = random.Random(seed), SimulatedRuntime(seed)
        steps: list[tuple[str, str, str, str]] = []
        for _ in range(40):
            what = dice.choice(does)
            text = dice.choice(("1", "0", "7") if what == "stamp" else ("x", "x y", "", TORN))
            steps.append((what, dice.choice("abc"), dice.choice("pqrs"), text))
        models.Story(tmp_path / f"{seed}", runtime, runtime.wait_until).play(steps)
