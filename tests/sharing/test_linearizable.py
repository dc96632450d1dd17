"""The second opinion: the search for an order finds one where there is one, and none elsewhere."""

from __future__ import annotations

from copy import deepcopy
from math import inf

import pytest
from tests.sharing.linearizable import Step, is_linearizable, steps_of
from tests.sharing.story import KEY, story, two_on_their_way

WELL = story()

WRONG: dict[str, list[Step]] = {
    "a version that nobody made": [Step(0, 1, 1, 2)],
    "two who made the same version": [Step(0, 2, 0, 1), Step(1, 3, 0, 1)],
    "a read of what was replaced before it": [Step(0, 1, 0, 1), Step(2, 3, 0, 0)],
    "a read before it was sent": [Step(0, 1, 1, 1), Step(2, 3, 0, 1)],
    "reads that go back": [Step(0, 9, 0, 1), Step(1, 2, 1, 1), Step(3, 4, 0, 0)],
    "a refusal on what was not stored": [Step(0, 1, 0, 1), Step(2, 3, 2, 2), Step(4, 5, 1, 2)],
    "more than one lost command can make": [Step(0, inf, None, None), Step(1, 2, 4, 4)],
    "a lost command that was not sent yet": [Step(1, 2, 1, 1), Step(3, inf, None, None)],
}

RIGHT: dict[str, list[Step]] = {
    "nothing": [],
    "one after the other": [Step(0, 1, 0, 1), Step(2, 3, 1, 1), Step(4, 5, 1, 3)],
    "the later one first": [Step(0, 9, 1, 2), Step(1, 8, 0, 1)],
    "a read of the older while it is replaced": [Step(0, 3, 0, 1), Step(1, 2, 0, 0)],
    "a lost command that happened": [Step(0, inf, None, None), Step(1, 2, 2, 2)],
    "a lost command that did not": [Step(0, inf, None, None), Step(1, 2, 0, 0)],
}


@pytest.mark.parametrize("name", WRONG)
def test_no_order_explains(name: str) -> None:
    assert not is_linearizable(WRONG[name])


@pytest.mark.parametrize("name", RIGHT)
def test_an_order_explains(name: str) -> None:
    assert is_linearizable(RIGHT[name])


def test_a_history_of_two_processes_has_an_order() -> None:
    facts = deepcopy(WELL)
    assert is_linearizable(steps_of(facts.history, KEY))
    two_on_their_way(facts)
    assert is_linearizable(steps_of(facts.history, KEY))


def test_a_history_with_a_stale_read_has_none() -> None:
    facts = deepcopy(WELL)
    facts.change_look(2, version=facts.history.looks[0].version)
    assert not is_linearizable(steps_of(facts.history, KEY))
