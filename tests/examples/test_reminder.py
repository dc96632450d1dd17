"""The reminder: nobody forgets a deadline for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from examples.reminder.__main__ import story
from examples.reminder.domain import DeadlineMoved, PassOn, Remind, TaskFinished, TaskGiven, tasks
from examples.reminder.process import PAUSE, reminder

from comity.engine import CancelTimer, End, Order, SetTimer
from comity.testing import by, given, rang, refused

FRIDAY = datetime(2027, 1, 15, 12, tzinfo=UTC)
MONDAY = FRIDAY + timedelta(days=3)
GIVEN = by("lea", TaskGiven(task="tax", to="ann", due=FRIDAY), key="office")
LATE = rang("deadline")
REMINDED = Order(tasks, "office", Remind(task="tax"))


def test_a_timer_waits_for_the_deadline() -> None:
    given(reminder).when(GIVEN).then(SetTimer("deadline", at=FRIDAY))


def test_the_owner_is_reminded_when_it_has_passed_and_each_day_after_it() -> None:
    late = given(reminder, GIVEN).when(LATE).then(REMINDED, SetTimer("deadline", after=PAUSE))
    late.when(LATE).then(REMINDED, SetTimer("deadline", after=PAUSE))


def test_a_task_that_stays_forgotten_is_passed_on() -> None:
    given(reminder, GIVEN, LATE, LATE, LATE).when(LATE).then(
        Order(tasks, "office", PassOn(task="tax")), End("passed on")
    )


def test_a_new_deadline_begins_the_waiting_anew() -> None:
    moved = by("lea", DeadlineMoved(task="tax", due=MONDAY), key="office")
    given(reminder, GIVEN, LATE).when(moved).then(SetTimer("deadline", at=MONDAY))
    given(reminder, GIVEN, LATE, LATE, LATE, moved).when(LATE).then(
        REMINDED, SetTimer("deadline", after=PAUSE)
    )


def test_a_finished_task_is_not_reminded_of() -> None:
    finished = by("ann", TaskFinished(task="tax"), key="office")
    given(reminder, GIVEN).when(finished).then(CancelTimer("deadline"), End("finished"))
    given(reminder, GIVEN, LATE).when(refused("Remind", "no such task")).then(End("finished"))


def test_the_same_task_given_again_has_a_deadline_again() -> None:
    finished = by("ann", TaskFinished(task="tax"), key="office")
    given(reminder, GIVEN, finished).when(GIVEN).then(SetTimer("deadline", at=FRIDAY))


def test_the_story_of_a_week_with_a_crash_is_told() -> None:
    told = [line.text for line in story()]
    assert [text for text in told if "ann" in text][1:] == [
        "the reminder reminds ann of the taxes"
    ] * 3
    assert told.index("it runs again; a timer was due while it did not") < told.index(
        "the reminder reminds ann of the taxes"
    )
    assert told[-1] == "the reminder passes the taxes on to the lead"
    assert not [text for text in told if "reminds bob" in text]
