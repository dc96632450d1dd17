"""The steps of an instance: what follows from what it hears, and what comes twice or late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.trips import (
    Hurried,
    Reserve,
    Stepped,
    Trip,
    TripEvent,
    Wanted,
    recorded,
    trip,
)

from comity.engine import AggregateId, Rejected
from comity.engine.processes.commands import Install
from comity.engine.processes.events import (
    OrderAnswered,
    OrderGiven,
    ProcessEnded,
    ProcessEvent,
    ProcessHeard,
    ProcessInstalled,
    TimerCancelled,
    TimerRang,
    TimerSet,
)

WANTED = Wanted(trip="t1")


@pytest.fixture
def one() -> Stepped[Trip, TripEvent]:
    return Stepped(trip)


def kinds(events: list[ProcessEvent]) -> list[type[ProcessEvent]]:
    return [type(event) for event in events]


def test_one_step_has_what_was_heard_and_all_that_follows(
    one: Stepped[Trip, TripEvent],
) -> None:
    assert kinds(one.hear(WANTED, 7)) == [ProcessHeard, OrderGiven, TimerSet]


def test_an_order_is_sent_with_its_command_and_an_id_of_its_own(
    one: Stepped[Trip, TripEvent],
) -> None:
    one.hear(WANTED, 7)
    given = trip.order_of(one.orders[0], "t1")
    assert (given.aggregate, given.command) == (AggregateId("seats", "LH1"), Reserve(trip="t1"))
    assert given.id == "trip/t1/1"


def test_an_answer_comes_back_and_the_next_order_follows(
    one: Stepped[Trip, TripEvent],
) -> None:
    one.hear(WANTED, 7)
    assert kinds(one.answer(1)) == [OrderAnswered, OrderGiven]
    assert one.instance.state.done == ["seat"]
    assert one.orders[1].type == "rooms"


def test_a_refusal_comes_back_with_its_reason(one: Stepped[Trip, TripEvent]) -> None:
    one.hear(WANTED, 7)
    answered, *_ = one.answer(1, Rejected("full", seats=float("nan")))
    assert isinstance(answered, OrderAnswered)
    assert (answered.code, answered.reason, answered.fields) == (
        "Rejected", "full", (("seats", "nan"),),
    )  # fmt: skip
    assert one.instance.state.done == ["no seat"]


def test_a_timer_is_due_relative_to_what_was_heard(one: Stepped[Trip, TripEvent]) -> None:
    one.hear(WANTED, 7)
    assert one.instance.timers["late"].due == recorded(WANTED, 7).time + timedelta(hours=1)


def test_a_timer_rings_and_the_end_cancels_the_others(
    one: Stepped[Trip, TripEvent],
) -> None:
    one.hear(WANTED, 7)
    assert kinds(one.ring("late", 1)) == [TimerRang, ProcessEnded]
    assert one.instance.timers == {}


def test_an_event_that_was_heard_changes_nothing_nor_does_an_older_one(
    one: Stepped[Trip, TripEvent],
) -> None:
    one.hear(WANTED, 7)
    assert one.hear(WANTED, 7) == one.hear(Hurried(trip="t1"), 6) == []


def test_an_answer_that_comes_twice_changes_nothing(one: Stepped[Trip, TripEvent]) -> None:
    one.hear(WANTED, 7)
    one.answer(1)
    assert one.answer(1) == one.answer(9) == []


def test_a_ring_of_a_timer_that_was_replaced_or_has_rung_changes_nothing(
    one: Stepped[Trip, TripEvent],
) -> None:
    one.hear(WANTED, 7)
    one.hear(Hurried(trip="t1"), 8)
    assert one.ring("late", 1) == []
    assert one.ring("late", 2) != []
    assert one.ring("late", 2) == []


def test_an_event_that_begins_nothing_is_passed_over(one: Stepped[Trip, TripEvent]) -> None:
    assert one.hear(Hurried(trip="t1"), 7) == []


def test_a_cancelled_timer_is_gone(one: Stepped[Trip, TripEvent]) -> None:
    one.hear(WANTED, 7)
    assert TimerCancelled in kinds(one.answer(1, Rejected("full")))


def test_the_process_keeps_where_it_began_once() -> None:
    installed = Stepped(trip, "*")
    assert kinds(installed.send(Install(start=5))) == [ProcessInstalled]
    assert installed.send(Install(start=9)) == []
    assert installed.instance.start == 5


# --- the end, and a new beginning -----------------------------------------------------------------


@pytest.fixture
def late(one: Stepped[Trip, TripEvent]) -> Stepped[Trip, TripEvent]:
    """A trip that has ended while its first order was open."""
    one.hear(WANTED, 7)
    one.ring("late", 1)
    return one


def test_what_was_ordered_before_the_end_stays_open_and_its_answer_is_kept(
    late: Stepped[Trip, TripEvent],
) -> None:
    assert list(late.instance.orders) == [1]
    assert kinds(late.answer(1)) == [OrderAnswered]
    assert late.instance.state.done == ["late"]


def test_an_instance_that_has_ended_passes_over_what_begins_nothing(
    late: Stepped[Trip, TripEvent],
) -> None:
    assert late.hear(Hurried(trip="t1"), 8) == []


def test_it_begins_anew_with_a_new_state_and_the_numbers_go_on(
    late: Stepped[Trip, TripEvent],
) -> None:
    late.hear(WANTED, 8)
    assert (late.instance.state, late.instance.running) == (Trip("Ritz"), True)
    assert [order.number for order in late.orders] == [1, 2]
    assert late.instance.timers["late"].number == 2


def test_the_answer_to_an_order_of_before_is_kept_and_not_told(
    late: Stepped[Trip, TripEvent],
) -> None:
    late.hear(WANTED, 8)
    assert kinds(late.answer(1)) == [OrderAnswered]
    assert late.instance.state.done == []
    assert kinds(late.answer(2)) == [OrderAnswered, OrderGiven]


def test_a_person_ends_an_instance_and_gives_up_its_orders(
    late: Stepped[Trip, TripEvent],
) -> None:
    assert late.end("lost") == [ProcessEnded(reason="lost", by_hand=True)]
    assert late.answer(1) == late.end("again") == []
    late.hear(WANTED, 8)
    assert kinds(late.end("lost")) == [ProcessEnded]
    assert (late.instance.running, late.instance.reason) == (False, "lost")


def test_a_person_gives_up_an_event_that_the_instance_cannot_hear(
    one: Stepped[Trip, TripEvent],
) -> None:
    assert one.end("no instance") == []
    assert one.end("bad event", upto=7) == [ProcessEnded(reason="bad event", by_hand=True, upto=7)]
    assert one.hear(WANTED, 7) == one.end("again", upto=7) == []
    assert kinds(one.hear(WANTED, 8))[0] is ProcessHeard
