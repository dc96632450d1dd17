"""A check reads the steps of processes: what they have heard and ordered, with today's classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.support import trips
from tests.support.travel import desk, travel
from tests.support.trips import (
    Hurried,
    Trip,
    TripEvent,
    Wanted,
    rooms,
    seats,
    trip,
)

from comity.engine import (
    Answered,
    End,
    Process,
    Rang,
    WiringError,
)
from comity.engine.merging.decider import AggregateType
from comity.engine.processes.process import ProcessType
from comity.evolution import Audit, check_journal

DECIDERS: Sequence[AggregateType] = [desk, seats, rooms]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    travel(tmp_path / "trips.db")
    return tmp_path / "trips.db"


def told(found: Audit) -> list[tuple[str, str, int]]:
    return [(one.trouble, one.what, one.count) for one in found.problems]


def calm_key(event: Wanted) -> str:
    return event.trip


def calm(trip: Trip, thing: Wanted | Answered | Rang) -> Trip:
    return trip


def nothing(trip: Trip, thing: Wanted | Answered | Rang) -> Iterator[End]:
    yield from ()


def test_a_process_that_is_as_it_was_has_no_problems(path: Path) -> None:
    found = check_journal(path, DECIDERS, processes=[trip])
    assert found.is_fine
    assert found.aggregates == 11
    assert [(one.role, one.name, one.messages, one.read_as) for one in found.copies] == [
        ("heard", "Hurried", 1, "Hurried"),
        ("heard", "Wanted", 6, "Wanted"),
        ("ordered", "Reserve", 2, "Reserve"),
        ("ordered", "Reserve", 6, "Reserve"),
    ]


def test_a_process_that_is_gone_is_told(path: Path) -> None:
    found = check_journal(path, DECIDERS)
    assert told(found) == [("type", "the process trip was not named", 37)]
    assert check_journal(path, DECIDERS, without=["trip"]).is_fine


def test_an_event_that_was_heard_and_is_not_any_more_is_one_problem(path: Path) -> None:
    calmer = Process("trip", Trip, calm_key, calm, nothing, starts=[Wanted], orders=[seats, rooms])
    found = check_journal(path, DECIDERS, processes=[calmer])
    assert told(found) == [("heard", "trip has heard desk Hurried, schema version 1", 1)]
    assert [place.aggregate for place in found.problems[0].places] == ["trip/t4"]
    assert found.broken == 1


def test_retired_in_the_process_it_is_none(path: Path) -> None:
    calmer = Process(
        "trip", Trip, calm_key, calm, nothing,
        starts=[Wanted], orders=[seats, rooms], retired=["Hurried"],
    )  # fmt: skip
    assert check_journal(path, DECIDERS, processes=[calmer]).is_fine


def test_a_decider_that_was_given_orders_and_is_gone_is_told(path: Path) -> None:
    fewer = Process(
        "trip", Trip, trips.key, trips.evolve, trips.react, starts=[Wanted], orders=[rooms]
    )
    found = check_journal(path, DECIDERS, processes=[fewer])
    assert told(found) == [("ordered", "trip has ordered seats Reserve, schema version 1", 6)]
    assert found.broken == 3  # those whose answer must be told again


def test_an_evolve_of_the_process_that_raises_is_told(path: Path) -> None:
    def broken(trip: Trip, thing: TripEvent | Answered | Rang) -> Trip:
        match thing:
            case Hurried():
                raise ValueError("no hurry")
            case _:
                return trip

    hasty = Process(
        "trip", Trip, trips.key, broken, trips.react, starts=[Wanted], orders=[seats, rooms]
    )
    found = check_journal(path, DECIDERS, processes=[hasty])
    assert told(found) == [("state", "trip: evolve raised ValueError on ProcessHeard", 1)]


@pytest.mark.parametrize(
    ("processes", "said"),
    [
        ([desk], "a list of Process"),
        ([trip, trip], "two processes are called 'trip'"),
    ],
)
def test_wrong_processes_are_refused(path: Path, processes: list[ProcessType], said: str) -> None:
    with pytest.raises(WiringError, match=said):
        check_journal(path, DECIDERS, processes=processes)
