"""Timers: when they are due, and what cannot be a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import cast

import pytest

from comity.engine import CancelTimer, Invalid, SetTimer

NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)


def test_a_timer_is_due_after_what_was_heard_or_at_a_time() -> None:
    assert SetTimer("late", after=timedelta(hours=1)).due(NOON) == NOON + timedelta(hours=1)
    there = datetime(2027, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert SetTimer("late", at=there).due(NOON) == NOON - timedelta(hours=2)


def test_a_timer_in_the_past_is_due_then() -> None:
    assert SetTimer("late", after=timedelta(-1)).due(NOON) == NOON - timedelta(1)


@pytest.mark.parametrize(
    ("name", "after", "at", "said"),
    [
        ("late", None, None, "give it either after= or at="),
        ("late", timedelta(1), NOON, "give it either after= or at="),
        ("late", 5, None, "expected a duration such as"),
        ("late", None, datetime(2027, 1, 1), "expected a time with a zone"),  # noqa: DTZ001
        ("late", None, "noon", "expected a time with a zone"),
        ("", timedelta(1), None, "a timer's name takes 1 to 200 bytes"),
    ],
)
def test_what_is_no_time_is_refused(name: str, after: object, at: object, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        SetTimer(name, after=cast("timedelta", after), at=cast("datetime", at))


def test_a_timer_is_cancelled_by_a_name_that_it_can_have() -> None:
    with pytest.raises(Invalid, match="a timer's name is a str"):
        CancelTimer(cast("str", 5))


@pytest.mark.parametrize("after", [timedelta.max, timedelta.min])
def test_a_timer_beyond_all_calendars_is_refused(after: timedelta) -> None:
    with pytest.raises(Invalid, match="outside of the years 1 to 9999"):
        SetTimer("late", after=after).due(NOON)
