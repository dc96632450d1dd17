"""A failing run becomes as small as it gets, and shrinking ends in time."""

from __future__ import annotations

import logging

import pytest
from tests.simulation.planted import FAULTS, always
from tests.simulation.whole_engine import WholeEngine

from comity.simulation.runtime.tape import Draws, Tape
from comity.simulation.shrinking.draws import describe_draws, shrink_draws
from comity.simulation.shrinking.patience import Patience
from comity.simulation.shrinking.things import shrink_things


def always_fails(_: object) -> bool:
    return True


def test_only_the_things_that_matter_are_left() -> None:
    assert shrink_things(range(100), lambda some: {3, 17} <= set(some)) == [3, 17]


def test_where_nothing_matters_nothing_is_left() -> None:
    assert shrink_things("abc", always_fails) == []
    assert shrink_things("", always_fails) == []


def test_things_that_are_needed_together_stay() -> None:
    assert shrink_things("abcdef", lambda some: len(some) >= 3) == ["d", "e", "f"]


def test_impatience_gives_the_best_so_far() -> None:
    few = shrink_things(range(1000), lambda some: 3 in some, Patience(tries=3))
    assert len(few) < 1000
    assert 3 in few


def test_draws_become_fewer_and_smaller() -> None:
    def fails(draws: Draws) -> bool:
        tape = Tape(draws=draws)
        numbers = [tape.stream("a").below(1000) for _ in range(20)]
        return max(numbers) >= 40 and tape.stream("b").chance(0.5)

    small = shrink_draws({"a": [5, 900, 7, 800], "b": [1, 1], "c": [4]}, fails)
    assert small == {"a": [40], "b": [1]}
    assert describe_draws(small).splitlines()[1:] == ["a #0: 40", "b #0: 1"]


def test_a_run_that_fails_in_any_case_needs_no_draws() -> None:
    assert shrink_draws({"a": [1, 2, 3]}, always_fails) == {}


def test_a_fault_of_the_engine_is_shrunk_to_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    FAULTS["skip the flush"](monkeypatch, always)

    def fails(draws: Draws) -> bool:
        try:
            WholeEngine(Tape(draws=draws)).play()
        except AssertionError as broken:
            return "the journal does not have it" in str(broken)
        return False

    tape = Tape(1, keeps=True)
    with pytest.raises(AssertionError, match="the journal does not have it"):
        WholeEngine(tape).play()
    small = shrink_draws(tape.draws, fails, Patience(tries=400))
    assert fails(small)
    left = [number for numbers in small.values() for number in numbers if number]
    drawn = [number for numbers in tape.draws.values() for number in numbers if number]
    assert len(left) < 10 < len(drawn)
