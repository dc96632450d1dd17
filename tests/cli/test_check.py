"""`comity check`: what people and programs get to see, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.actors.test_parallel_build import story, write
from tests.cli.shell import HOSTILE, Comity, Host, shows_safely
from tests.evolution.shop import trade

from comity.cli import check
from comity.engine.runtime.system import Flag

SHOP = "tests.evolution.shop:shop"
LATER = "tests.evolution.shop:without_praise"
ITEMS = "tests.evolution.shop:Items"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    trade(path, models=True)
    return path


def test_a_journal_without_problems_gives_0(comity: Comity, path: Path) -> None:
    code, out, err = comity("check", path, SHOP, "--models", ITEMS)
    assert (code, err) == (0, "")
    told = f"{path}: 15 events of 3 aggregates, read with today's classes in "
    assert out.replace("\n", " ").startswith(told)
    assert "shop  Named         1       6  as it is\n" in out
    assert "Items  stays\n" in out
    assert out.endswith("\nno problems\n")


def test_problems_give_1_and_name_the_first_places(comity: Comity, path: Path) -> None:
    code, out, _ = comity("check", path, LATER)
    assert code == 1
    assert "shop  Praised       1       3  3 cannot be read\n" in out
    assert "3 × shop Praised, schema version 1\n" in out
    assert "        shop/s0, version 5, position 5\n" in out
    assert "\n3 of 3 aggregates cannot be loaded\n" in out
    assert "the domain does not open on these events" in out


def test_json_has_the_same(comity: Comity, path: Path) -> None:
    code, out, _ = comity("check", path, LATER, "--json")
    found = json.loads(out)
    assert code == 1
    assert (found["events"], found["broken"], found["complete"]) == (15, 3, True)
    assert {kind["name"]: kind["unreadable"] for kind in found["kinds"]} == {
        "Sold": 0,
        "Named": 0,
        "Praised": 3,
    }
    assert found["problems"][0]["places"][0]["aggregate"] == "shop/s0"


def test_models_that_are_rebuilt_are_no_problem(comity: Comity, path: Path) -> None:
    newer = "tests.evolution.test_check_journal:CodedItems"
    code, out, _ = comity("check", path, SHOP, "--models", newer)
    assert code == 0
    told = "Items  is rebuilt, which takes about 0 s (reckoned from the first 15 events): the code"
    assert told in " ".join(out.split()).replace("Items is", "Items  is")


def test_a_domain_may_be_running(comity: Comity, tmp_path: Path, host: Callable[..., Host]) -> None:
    path = tmp_path / "team.db"
    write(path, story(boards=2, cards=2))
    cards = "tests.cli.boards:BoardCards"
    host(path, "BoardCards")
    code, out, _ = comity("check", path, "examples.board.domain:board", "--models", cards)
    assert (code, "BoardCards  stays\n" in out) == (0, True)


def test_stopped_by_ctrl_c_it_tells_what_it_has_seen(
    comity: Comity, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def stopped() -> Generator[Flag]:
        flag = Flag()
        flag.set()
        yield flag

    monkeypatch.setattr(check, "paused_by_ctrl_c", stopped)
    code, out, _ = comity("check", path, SHOP, "--models", ITEMS)
    assert code == 130
    assert "stopped before the end" in out.replace("\n", " ")
    assert "no problems so far" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere:shop"], "there is no module nowhere"),
        ([SHOP, SHOP], "two deciders are called 'shop'"),
        ([SHOP, "--models", SHOP], "is a Decider"),
        (["examples.board.domain:board", "--models", ITEMS], "Items listens to Sold"),
        ([], "DECIDER"),
    ],
)
def test_wrong_arguments_give_2(comity: Comity, path: Path, words: list[str], said: str) -> None:
    code, _, err = comity("check", path, *words)
    assert code == 2
    assert said in err


def test_what_is_no_journal_gives_1(comity: Comity, tmp_path: Path) -> None:
    code, _, err = comity("check", tmp_path / "nothing", SHOP)
    assert (code, "there is nothing at" in err) == (1, True)


def test_data_cannot_drive_the_terminal(comity: Comity, tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    trade(path, name=HOSTILE)
    _, out, _ = comity("check", path, LATER)
    assert shows_safely(out)
