"""The commands that there were before processes, on a journal that has trips in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.shell import Comity
from tests.support.travel import travel

DESK, SEATS, ROOMS, TRIP = (
    "tests.support.travel:desk",
    "tests.support.trips:seats",
    "tests.support.trips:rooms",
    "tests.support.trips:trip",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trips") / "trips.db"
    travel(path)
    return path


def test_history_shows_the_message_in_a_step_without_its_classes(
    comity: Comity, path: Path
) -> None:
    lines = comity("history", path, "trip/t4", "--json").out.splitlines()
    heard, ordered, timed, *_ = map(json.loads, lines)
    assert heard["fields"]["data"] == {"trip": "t4", "seat": "LH1", "room": "Ritz"}
    assert ordered["fields"]["data"] == {"trip": "t4"}
    assert timed["fields"]["due"].endswith("Z")


def test_history_takes_the_process_too(comity: Comity, path: Path) -> None:
    code, out, _ = comity("history", path, "trip/t1", "--decider", TRIP)
    assert (code, "ProcessEnded reason='done'" in out) == (0, True)


def test_state_folds_an_instance(comity: Comity, path: Path) -> None:
    code, out, _ = comity("state", path, "trip/t4", "--decider", TRIP, "--json")
    state = json.loads(out)["state"]
    assert (code, state["state"]) == (0, {"room": "Ritz", "done": ["hurry"]})
    assert state["timers"]["late"]["number"] == 2


def test_check_takes_processes_beside_deciders(comity: Comity, path: Path) -> None:
    code, out, _ = comity("check", path, DESK, SEATS, ROOMS, TRIP)
    assert code == 0
    assert "trip     heard    desk   Wanted        1         6  as it is\n" in out


def test_check_says_that_a_process_was_not_named(comity: Comity, path: Path) -> None:
    code, out, _ = comity("check", path, DESK, SEATS, ROOMS)
    assert (code, "37 × the process trip was not named" in out) == (1, True)


def test_rehearse_leaves_the_steps_out_and_decides_the_orders(comity: Comity, path: Path) -> None:
    code, out, _ = comity("rehearse", path, DESK, SEATS, ROOMS, "--json")
    found = json.loads(out)
    assert (code, found["commands"], found["others"]) == (0, 12, {"trip": 15})


@pytest.mark.parametrize("command", [["matrix"], ["footprints"], ["rehearse", "PATH"]])
def test_what_judges_rules_takes_no_process(comity: Comity, path: Path, command: list[str]) -> None:
    words = [path if word == "PATH" else word for word in command]
    code, _, err = comity(*words, TRIP)
    assert (code, "is a Process; its deciders are seats, rooms" in err) == (2, True)


def test_stats_counts_the_steps(comity: Comity, path: Path) -> None:
    found = json.loads(comity("stats", path, "--json").out)
    assert found["types"]["trip"]["events"] == 37


def test_a_contract_promises_a_process(comity: Comity, tmp_path: Path) -> None:
    file = tmp_path / "contract.json"
    assert comity("contract", "write", file, DESK, SEATS, ROOMS, TRIP).code == 0
    assert comity("contract", "check", file, DESK, SEATS, ROOMS, TRIP).code == 0
    code, out, _ = comity("contract", "check", file, DESK, SEATS, ROOMS)
    assert (code, "breaks stored events  process trip" in out) == (1, True)
