"""`endings(given(trip).when(...))`: each order of answers, and each refusal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.trips import Reserve, Trip, TripEvent, Wanted, evolve, key, rooms, seats, trip

from comity.engine import Answered, End, Order, Process, ProcessFailed, Rang, WiringError
from comity.testing import answered, endings, given

WANTED = Wanted(trip="t1")
Thing = TripEvent | Answered | Rang


def react_at_once(trip: Trip, thing: Thing) -> Iterator[Order | End]:
    match thing:
        case Wanted(trip=id):
            yield Order(seats, "LH1", Reserve(trip=id), name="seat")
            yield Order(rooms, "Ritz", Reserve(trip=id), name="room")
        case Answered() if len(trip.done) > 1:
            yield End()
        case _:
            pass


def react_and_end(trip: Trip, thing: Thing) -> Iterator[Order | End]:
    yield Order(seats, "LH1", Reserve(trip="t1"))
    yield End()


def react_for_ever(trip: Trip, thing: Thing) -> Iterator[Order]:
    yield Order(seats, "LH1", Reserve(trip="t1"))


at_once, and_end, for_ever = (
    Process("trip", Trip, key, evolve, react, starts=[Wanted], orders=[seats, rooms], most_steps=20)
    for react in (react_at_once, react_and_end, react_for_ever)
)


def test_what_was_ordered_together_can_be_answered_in_each_order() -> None:
    found = [ending.state.done for ending in endings(given(at_once).when(WANTED))]
    assert found == [["seat", "room"], ["room", "seat"]]


def test_each_command_that_may_be_refused_is_refused_in_some() -> None:
    found = {
        tuple(sorted(ending.state.done))
        for ending in endings(given(at_once).when(WANTED), refusing=[Reserve])
    }
    assert found == {
        ("room", "seat"), ("no room", "seat"), ("no seat", "room"), ("no room", "no seat"),
    }  # fmt: skip


def test_orders_that_follow_from_answers_are_part_of_the_way() -> None:
    (whole, no_room, no_seat) = endings(given(trip).when(WANTED), refusing=[Reserve])
    assert [one.count(Reserve) for one in (whole, no_room, no_seat)] == [2, 1, 0]
    assert [len(one.refused) for one in (whole, no_room, no_seat)] == [0, 1, 1]


def test_what_was_ordered_before_the_end_is_carried_out() -> None:
    (ending,) = endings(given(and_end).when(WANTED))
    assert (ending.done, ending.ended) == ((Reserve(trip="t1"),), True)
    given(and_end, WANTED).when(answered("Reserve")).then()


def test_an_instance_that_has_not_ended_is_an_ending_too() -> None:
    (ending,) = endings(given(trip))
    assert (ending.done, ending.ended) == ((), True)
    assert [one.ended for one in endings(given(at_once, WANTED, answered("seat")))] == [True]


def test_too_many_ways_and_ways_without_end_are_refused() -> None:
    with pytest.raises(WiringError, match="at most 3 ways to the end, got more"):
        list(endings(given(at_once).when(WANTED), refusing=[Reserve], most=3))
    with pytest.raises(ProcessFailed, match="a loop"):
        list(endings(given(for_ever).when(WANTED)))
