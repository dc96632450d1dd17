"""The turns of other processes, which a process that shares a journal keeps in memory."""

from __future__ import annotations

import pytest

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal import heard
from comity.engine.journal.heard import Heard, HeardTurn
from comity.engine.journal.lasting_counts import LastingCounts
from comity.engine.journal.packing import packed
from comity.engine.journal.tip import NO_TIP
from comity.testing.contract.making import A, B, turn


def test_what_was_heard_is_given_from_each_place_in_it_and_from_no_other() -> None:
    kept = _heard(_turn(4), _turn(5))
    assert [each.version for each in kept.since(A, 4, None) or ()] == [4, 5]
    assert [each.version for each in kept.since(A, 5, 0) or ()] == [5]
    assert kept.since(A, 5, 1) is None  # it has no lasting record at this version
    assert kept.since(A, 4, 0) is None  # and whether at that one is not known
    assert kept.since(A, 6, 0) is None
    assert kept.since(B, 4, None) is None


def test_a_turn_that_is_missing_or_too_large_ends_what_was_heard_before() -> None:
    assert _heard(_turn(4), _turn(6)).since(A, 4, None) is None
    assert _heard(_turn(4), (*_turn(5)[:-1], b"")).since(A, 4, None) is None


def test_a_large_turn_without_events_also_ends_what_was_heard_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heard, "MOST_BYTES", 0)
    kept = _heard(_turn(4))  # the generation ends after each call
    monkeypatch.setattr(heard, "MOST_BYTES", 1 << 20)
    large, small = (A, 5, 0, 1, 5, b""), _turn(5)
    kept.add([large, small])
    assert kept.since(A, 4, None) is None
    assert kept.since(A, 5, 0) is None


def test_the_oldest_turns_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard, "MOST_BYTES", 3 * len(_turn(0)[-1]))
    kept = _heard()
    for version in range(20):
        kept.add([_turn(version, B) if version else _turn(version)])
    assert kept.since(A, 0, None) is None
    assert kept.since(B, 19, None) is not None


def _heard(*turns: HeardTurn) -> Heard:
    kept = Heard(LastingCounts(lambda _: 0, lambda _: NO_TIP))
    kept.add(turns)
    return kept


def _turn(version: int, aggregate: AggregateId = A) -> HeardTurn:
    found = turn(aggregate, version, b"x")
    payload = b"\x92" + packed(found.aggregate) + found.entries
    return found.aggregate, version, 1, 0, version, payload
