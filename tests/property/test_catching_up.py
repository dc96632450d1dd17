"""A state that has caught up with another process is the one that is loaded from the journal."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.property.rule_story import History
from tests.property.test_rules_from_the_journal import differences

from comity.actors.aggregates import replica as replicas
from comity.actors.aggregates.replica import Replica


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Compares each replica that has caught up with one that is loaded; how many events it took."""
    caught: list[int] = []
    catch_up = Replica.catch_up

    def compare(self: Replica) -> None:
        before = self.version
        catch_up(self)
        caught.append(self.version - before)
        loaded = Replica(self.decider, self.journal, self.id, 1000, keep_commands=False)
        loaded.load()
        assert seen(self) == seen(loaded)

    monkeypatch.setattr(Replica, "catch_up", compare)
    return caught


def seen(replica: Replica) -> tuple[object, ...]:
    """All that a decision is made of: the state, and what each sender has not seen."""
    happened = [
        (one.version, repr(one.event), one.who, one.session, one.written, one.written_on, one.part,
         one.microseconds, one.dropped)
        for one in replica.since(0)
    ]  # fmt: skip
    return replica.version, replica.state, happened, replica.is_newest()


@pytest.mark.parametrize("way", ["two processes", "two small processes"])
def test_it_has_the_same_state_and_the_same_unseen_events(
    way: str, compared: list[int], tmp_path: Path
) -> None:
    for seed in range(20, 26):
        assert differences(seed, History(seed, steps=40), way, tmp_path) == []
    assert len(compared) > 50
    assert 0 in compared, "no process had a command dropped, and nothing else, meanwhile"
    assert max(compared) > 1


def test_who_is_far_behind_loads_a_newer_snapshot(
    compared: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(replicas, "MOST_AHEAD", 1)
    loaded_again: list[int] = []
    load = Replica.load

    def count(self: Replica) -> None:
        if self.version:
            loaded_again.append(self.version)
        load(self)

    monkeypatch.setattr(Replica, "load", count)
    assert differences(20, History(20, steps=40), "two processes", tmp_path) == []
    assert loaded_again
    assert len(loaded_again) < len(compared)
