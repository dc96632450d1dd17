"""The trip: a flight, a hotel and a car, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples.trip.__main__ import DECIDERS, tell
from examples.trip.domain import (
    CallOffTrip,
    Cancel,
    ConfirmTrip,
    Reserve,
    TripRequested,
    cars,
    flights,
    hotels,
    journeys,
)
from examples.trip.process import trip

from comity.actors import Domain
from comity.engine import End, Order
from comity.testing import answered, by, endings, given, refused

ASKED = by("ann", TripRequested(flight="LH1", hotel="Ritz", car="Mini"), key="t1")
PLACES = ("flight", "hotel", "car")


def test_all_three_are_ordered_at_once() -> None:
    given(trip).when(ASKED).then(
        Order(flights, "LH1", Reserve(trip="t1"), name="flight"),
        Order(hotels, "Ritz", Reserve(trip="t1"), name="hotel"),
        Order(cars, "Mini", Reserve(trip="t1"), name="car"),
    )


def test_nothing_is_decided_until_all_have_answered() -> None:
    given(trip, ASKED, answered("car")).when(refused("flight", "sold out")).then()


def test_it_is_confirmed_when_all_are_booked() -> None:
    booked = given(trip, ASKED, answered("hotel"), answered("car")).when(answered("flight"))
    booked.then(Order(journeys, "t1", ConfirmTrip()), End("booked"))
    assert booked.state.booked == ["hotel", "car", "flight"]
    assert booked.ended


def test_the_car_is_refused_and_the_rest_is_cancelled() -> None:
    no_car = given(trip, ASKED, answered("flight"), answered("hotel"))
    undoing = no_car.when(refused("car", "sold out")).then(
        Order(flights, "LH1", Cancel(trip="t1"), name="flight"),
        Order(hotels, "Ritz", Cancel(trip="t1"), name="hotel"),
    )
    undoing.when(answered("hotel")).then().when(answered("flight")).then(
        Order(journeys, "t1", CallOffTrip(reason="car sold out")), End("car sold out")
    )


def test_nothing_is_cancelled_if_nothing_was_booked() -> None:
    given(trip, ASKED, refused("flight", "late"), refused("hotel")).when(refused("car")).then(
        Order(journeys, "t1", CallOffTrip(reason="flight late")), End("flight late")
    )


def test_a_trip_ends_whole_or_wholly_undone_whatever_is_refused_in_whatever_order() -> None:
    refused = set[int]()
    for ending in endings(given(trip).when(ASKED), refusing=[Reserve]):
        kept = ending.count(Reserve) - ending.count(Cancel)
        assert kept == (0 if ending.refused else len(PLACES))
        assert ending.count(ConfirmTrip) == (not ending.refused)
        assert ending.count(CallOffTrip) == bool(ending.refused)
        assert ending.ended
        refused.add(len(ending.refused))
    assert refused == {0, 1, 2, 3}


def test_the_story_of_two_trips_and_one_car_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Domain.open(tmp_path / "trips", deciders=DECIDERS, processes=[trip]) as domain:
        tell(domain)
    told = capsys.readouterr().out
    assert "answer  car: rejected sold out\n   ordered  Cancel of flight/LH1" in told
    assert "the trip is called off: car sold out" in told
    assert told.endswith("    flight  LH1: ann\n     hotel  Ritz: ann\n       car  Mini: ann\n")
