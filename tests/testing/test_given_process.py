"""`given(trip, ...).when(...).then(...)`: what it accepts, and how it tells a difference."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from tests.support.trips import (
    Cancel,
    Hurried,
    Reserve,
    Trip,
    TripEvent,
    Wanted,
    evolve,
    key,
    rooms,
    seats,
    trip,
)

from comity.engine import (
    AggregateId,
    Answered,
    CancelTimer,
    End,
    Event,
    Heard,
    Order,
    Outcome,
    Process,
    ProcessFailed,
    Rang,
    Rejected,
    SetTimer,
    WiringError,
)
from comity.testing import answered, by, given, rang, refused

WANTED = Wanted(trip="t1")
SEAT = Order(seats, "LH1", Reserve(trip="t1"), name="seat")
ROOM = Order(rooms, "Ritz", Reserve(trip="t1"), name="room")
LATE = SetTimer("late", after=timedelta(hours=1))


def test_orders_timers_and_the_end_follow_in_order() -> None:
    given(trip).when(WANTED).then(SEAT, LATE)
    given(trip, WANTED).when(answered("seat")).then(ROOM)
    given(trip, WANTED, answered("seat")).when(answered("room")).then(
        CancelTimer("late"), End("done")
    )
    given(trip, WANTED).when(rang("late")).then(End("too late"))


def test_a_story_goes_on_step_by_step_and_can_branch() -> None:
    seated = given(trip).when(WANTED).then(SEAT, LATE).when(answered("seat")).then(ROOM)
    seated.when(rang("late")).then(End("too late"))
    roomed = seated.when(answered("room")).then(CancelTimer("late"), End("done"))
    assert (seated.state.done, roomed.state.done) == (["seat"], ["seat", "room"])
    assert (seated.ended, roomed.ended) == (False, True)


def test_a_refusal_has_a_reason_or_is_the_domains_own() -> None:
    class Full(Rejected):
        def __init__(self) -> None:
            super().__init__("full", seats=0)

    for refusal in (refused("seat", "full", seats=0), refused("seat", Full())):
        assert given(trip, WANTED).when(refusal).state.done == ["no seat"]


def test_what_begins_nothing_is_passed_over() -> None:
    given(trip).when(Hurried(trip="t1")).then()
    given(trip).when(Wanted(trip="")).then()
    assert given(trip).ended


def test_time_passes_as_the_test_says() -> None:
    def key(event: TripEvent, heard: Heard) -> str:
        return heard.who

    def react(trip: Trip, thing: TripEvent | Answered | Rang, heard: Heard) -> Iterator[SetTimer]:
        yield SetTimer("late", at=heard.time + timedelta(hours=1))

    clock = Process("clock", Trip, key, evolve, react, starts=[Wanted])
    noon = datetime(2027, 1, 1, 12, tzinfo=UTC)
    after = [noon + timedelta(hours=hours) for hours in (1, 2, 3)]
    asked = given(clock).when(by("ann", WANTED, at=noon)).then(SetTimer("late", at=after[0]))
    asked.when(rang("late")).then(SetTimer("late", at=after[1]))
    asked.when(rang("late", at=after[1])).then(SetTimer("late", at=after[2]))
    hurry = by("ann", Hurried(trip="t1"))
    asked.when(hurry).then(SetTimer("late", at=after[0] + timedelta(seconds=1)))


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ((SEAT,), ["reaction 2: not expected, came SetTimer(name='late'"]),
        ((SEAT, LATE, End()), ["reaction 3: expected End(reason=''), nothing came"]),
        ((LATE, SEAT), ["reaction 1: expected SetTimer(", "came Order(seats, 'LH1', Reserve("]),
        (
            (Order(rooms, "LH2", Reserve(trip="t2"), seen=1), LATE),
            [
                "reaction 1, Order.decider: expected 'rooms', came 'seats'",
                "reaction 1, Order.key: expected 'LH2', came 'LH1'",
                "reaction 1, Order.name: expected 'Reserve', came 'seat'",
                "reaction 1, Order.seen: expected 1, came None",
                "reaction 1, Reserve.trip: expected 't2', came 't1'",
            ],
        ),
        (
            (Order(seats, "LH1", Cancel(trip="t1"), name="seat"), LATE),
            ["Order: expected Order(seats, 'LH1', Cancel(trip='t1'), name='seat'), came Order(se"],
        ),
    ],
)
def test_a_difference_is_told(expected: tuple[Order | End, ...], said: list[str]) -> None:
    with pytest.raises(AssertionError) as caught:
        given(trip).when(WANTED).then(*expected)
    text = str(caught.value)
    assert text.startswith("given(trip, ...).when(Wanted(trip='t1'")
    for line in [*said, "state: Trip(room='Ritz', done=[])"]:
        assert line in text


class Foreign(Event):
    pass


ANSWERED = Answered("seat", AggregateId("seats", "LH1"), Reserve(trip="t1"), Outcome.APPLIED)


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (Foreign(), r"expected an event of trip \(Hurried, Wanted\), answered, refused or rang"),
        (Wanted(trip="t2"), "it is for the instance 't2', and this test is about 't1'"),
        (answered("room"), r"no such order is open; open are: seat \(seats/LH1\)"),
        (answered("seat", key="LH2"), "no such order is open; open are"),
        (rang("early"), "no such timer is set; set are: late"),
        (Rang("late", datetime(2027, 1, 1, tzinfo=UTC)), "write rang"),
        (ANSWERED, "write answered"),
        (5, "expected an event of trip"),
    ],
)
def test_what_cannot_happen_is_refused(thing: object, said: str) -> None:
    with pytest.raises(WiringError, match=said):
        given(trip, WANTED).when(cast("Wanted", thing))
    with pytest.raises(WiringError, match=said):
        given(trip, WANTED, cast("Wanted", thing))


def test_what_was_given_must_be_for_the_process() -> None:
    with pytest.raises(WiringError, match=r"number 1, Hurried.*passes it over.*one of Wanted"):
        given(trip, Hurried(trip="t1"))


def test_what_is_passed_over_is_told_where_something_was_to_follow() -> None:
    with pytest.raises(AssertionError, match=r"passes it over.*one of Wanted"):
        given(trip).when(Hurried(trip="t1")).then(End("too late"))
    given(trip).when(Hurried(trip="t1")).then()


def test_a_process_that_fails_says_so() -> None:
    def react(trip: Trip, thing: TripEvent | Answered | Rang) -> Iterator[End]:
        raise KeyError("seat")

    broken = Process("broken", Trip, key, evolve, react, starts=[Wanted])
    with pytest.raises(ProcessFailed, match="react failed on Wanted: KeyError"):
        given(broken).when(WANTED)
    with pytest.raises(WiringError, match="give things that can happen; broken/t1: react failed"):
        given(broken, WANTED)


def test_what_was_heard_is_shown_as_a_test_says_it() -> None:
    at, bare = datetime(2027, 1, 1, tzinfo=UTC), by("", WANTED)
    assert repr(bare) == repr(WANTED)
    assert repr(by("ann", WANTED, key="s1")) == f"by('ann', {WANTED!r}, key='s1')"
    assert repr(by("", WANTED, session="s")) == f"by('', {WANTED!r}, session='s')"
    assert repr(answered("seat", key="LH1")) == "answered('seat', key='LH1')"
    assert repr(refused("seat", "sold out")) == "refused('seat', 'sold out')"
    assert repr(rang("late", at=at)) == f"rang('late', at={at!r})"
