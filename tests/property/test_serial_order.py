"""Random interleavings of sessions, old views, retries and restarts fit some serial order.

A few seeds in CI, 1,000 in `./scripts/soak` (`COMITY_SEEDS`). A failure names its seed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.property.story import Story
from tests.property.witness import Broken, check

from comity.actors.aggregate_actor import AggregateActor
from comity.actors.replica import Replica
from comity.actors.task import Decided, Task
from comity.engine import Outcome


def _play(seeds: range, folder: Path) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in seeds:
        try:
            seen += check(Story(seed, folder).play())
        except Broken as broken:
            msg = f"seed {seed}: {broken}"
            raise Broken(msg) from None
    print(f"\n{len(seeds)} seeds: {dict(seen)}")
    return seen


def test_every_answer_fits_a_serial_order_and_is_the_truth(tmp_path: Path) -> None:
    seen = _play(range(40), tmp_path)
    wanted = {*map(str, Outcome), "retried", "commuting"}
    assert wanted <= seen.keys(), "the stories are poorer than they should be"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_answer_of_1000_seeds_fits_a_serial_order_and_is_the_truth(tmp_path: Path) -> None:
    _play(range(int(os.environ.get("COMITY_SEEDS", "1000"))), tmp_path)


def _finds(tmp_path: Path) -> bool:
    try:
        _play(range(60), tmp_path)
    except Broken:
        return True
    return False


def test_it_is_noticed_when_unseen_events_are_overlooked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(_replica: Replica, _seen: int) -> tuple[()]:
        return ()

    monkeypatch.setattr(Replica, "since", nothing)
    assert _finds(tmp_path)


def test_it_is_noticed_when_a_retry_takes_effect_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(_actor: AggregateActor, task: Task) -> bool:
        task.retry = False
        return False

    monkeypatch.setattr(AggregateActor, "_answered_before", forget)
    assert _finds(tmp_path)


def test_it_is_noticed_when_a_lost_state_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep_the_state(self: AggregateActor, _epoch: int, again: Sequence[Decided] = ()) -> None:
        self._again += [decided.task for decided in again]  # pyright: ignore[reportPrivateUsage]
        for decided in again:
            self.outstanding.pop(decided.task.pending.id, None)
        self._replica.version = self._site.journal.version(self.id)  # pyright: ignore[reportPrivateUsage]
        self.wake()

    monkeypatch.setattr(AggregateActor, "give_up", keep_the_state)
    assert _finds(tmp_path)
