"""Eight planted bugs: `laws` finds each of them, and tells it in at most five steps."""

from __future__ import annotations

import time

import pytest
from tests.testing.planted import BUGS, Planted

from comity.testing import LawBroken
from comity.testing.proving import law as running
from comity.testing.proving.laws import laws_of
from comity.testing.proving.subject import Subject


def check(bug: Planted) -> None:
    """Check the law that the bug breaks."""
    subject = Subject(bug.decider, bug.models, bug.strategies, bug.samples, None, (), 3.0)
    (law,) = [one for one in laws_of(subject) if one.name == bug.law]
    law.check(subject, law)


@pytest.mark.parametrize("name", BUGS)
def test_it_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SHRINKING", 0)  # which takes most of the time
    with pytest.raises(LawBroken) as told:
        check(BUGS[name])
    assert BUGS[name].told in str(told.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_it_is_told_in_a_few_steps(name: str) -> None:
    bug, began = BUGS[name], time.process_time()
    with pytest.raises(LawBroken) as told:
        check(bug)
    print(f"{name}: {time.process_time() - began:.1f} s, {len(told.value.steps)} steps")
    print(told.value)
    assert bug.told in str(told.value)
    assert len(told.value.steps) <= 5
