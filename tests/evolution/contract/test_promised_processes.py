"""A contract promises what the instances of processes may have heard and ordered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.support import trips
from tests.support.travel import desk
from tests.support.trips import Cancel, Hurried, Reserve, Reserved, Trip, Wanted, rooms, seats, trip

from comity.engine import Answered, Decider, End, Process, Rang, WiringError
from comity.engine.merging.decider import AggregateType
from comity.evolution import Broken, ContractBroken, Difference, check_contract, write_contract

DECIDERS: Sequence[AggregateType] = [desk, seats, rooms]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("contract") / "contract.json"
    write_contract(path, DECIDERS, processes=[trip])
    return path.read_text()


@pytest.fixture
def file(tmp_path: Path, written: str) -> Path:
    path = tmp_path / "contract.json"
    path.write_text(written)
    return path


def calm_key(event: Wanted) -> str:
    return event.trip


def calm(trip: Trip, thing: Wanted | Answered | Rang) -> Trip:
    return trip


def nothing(trip: Trip, thing: Wanted | Answered | Rang) -> Iterator[End]:
    yield from ()


def calmer(retired: Sequence[str] = ()) -> Process[Trip, Wanted]:
    """The trip, when it does not hear that somebody is in a hurry any more."""
    return Process(
        "trip", Trip, calm_key, calm, nothing,
        starts=[Wanted], orders=[seats, rooms], retired=retired,
    )  # fmt: skip


def said(differences: Sequence[Difference]) -> list[tuple[str, Broken | None]]:
    return [(one.where, one.breaks) for one in differences]


def test_the_same_process_keeps_it(file: Path) -> None:
    assert check_contract(file, DECIDERS, processes=[trip]).differences == ()


def test_a_contract_without_processes_has_the_format_that_older_programs_read(
    tmp_path: Path,
) -> None:
    write_contract(tmp_path / "plain.json", [seats])
    assert json.loads((tmp_path / "plain.json").read_text())["comity contract"] == 1


def test_a_process_that_is_gone_breaks_it_until_it_is_dropped(file: Path) -> None:
    broken = check_contract(file, DECIDERS).broken
    assert said(broken) == [("process trip", Broken.STORED_EVENTS)]
    with pytest.raises(ContractBroken, match="--drop trip"):
        write_contract(file, DECIDERS)
    write_contract(file, DECIDERS, drop=["trip"])
    assert check_contract(file, DECIDERS).differences == ()


def test_an_event_that_it_may_have_heard_must_be_read_or_retired(file: Path) -> None:
    broken = check_contract(file, DECIDERS, processes=[calmer()]).broken
    assert said(broken) == [("trip, event Hurried", Broken.STORED_EVENTS)]
    assert 'retired=["Hurried"]' in broken[0].remedy
    assert check_contract(file, DECIDERS, processes=[calmer(["Hurried"])]).broken == ()


def test_a_retired_event_stays_promised(file: Path) -> None:
    write_contract(file, DECIDERS, processes=[calmer(["Hurried"])])
    broken = check_contract(file, DECIDERS, processes=[calmer()]).broken
    assert said(broken) == [("trip, event Hurried", Broken.STORED_EVENTS)]
    with pytest.raises(ContractBroken, match="--drop trip/Hurried"):
        write_contract(file, DECIDERS, processes=[calmer()])
    write_contract(file, DECIDERS, processes=[calmer()], drop=["trip/Hurried"])


def test_a_decider_that_it_may_have_given_orders_to_must_stay(file: Path) -> None:
    fewer = Process(
        "trip", Trip, trips.key, trips.evolve, trips.react, starts=[Wanted], orders=[rooms]
    )
    broken = check_contract(file, DECIDERS, processes=[fewer]).broken
    assert said(broken) == [("trip, orders of seats", Broken.STORED_EVENTS)]


def test_a_lost_command_says_which_process_may_have_ordered_it(file: Path) -> None:
    def decide(taken: set[str], command: Reserve) -> Iterator[Reserved]:
        yield Reserved(trip=command.trip)

    fewer = Decider("seats", set[str], decide, trips.evolve_seats)
    process = Process(
        "trip", Trip, trips.key, trips.evolve, trips.react, starts=[Wanted], orders=[fewer, rooms]
    )
    broken = check_contract(file, [desk, fewer, rooms], processes=[process]).broken
    (lost,) = [one for one in broken if one.breaks is Broken.OLDER_CLIENTS]
    assert lost.where == f"seats, command {Cancel.stored_as}"
    assert "the process trip may have ordered it" in lost.remedy


def test_what_begins_an_instance_is_no_promise(file: Path) -> None:
    other = Process(
        "trip", Trip, trips.key, trips.evolve, trips.react,
        starts=[Hurried], orders=[seats, rooms],
    )  # fmt: skip
    found = check_contract(file, DECIDERS, processes=[other])
    assert [one.said for one in found.safe] == [
        "it begins no instance any more", "it begins an instance",
    ]  # fmt: skip
    assert found.broken == ()


def test_a_process_is_no_decider(file: Path) -> None:
    with pytest.raises(WiringError, match="is a list of Process"):
        check_contract(file, DECIDERS, processes=[desk])  # type: ignore[list-item] # pyright: ignore[reportArgumentType] - on purpose
