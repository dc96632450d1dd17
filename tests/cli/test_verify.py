"""`comity verify`: what people and programs get to see, and the exit codes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import lmdb
import pytest
from tests.actors.test_parallel_build import story, write
from tests.cli.shell import HOSTILE, Comity, Host, shows_safely
from tests.evolution.shop import trade

from comity.cli import verify
from comity.engine.runtime.system import Flag


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    trade(path, models=True)
    return path


def damage(path: Path, wanted: bytes = b"Praised") -> None:
    """Change a letter of a text in a data file, wherever it stands."""
    data = (path / "data.mdb").read_bytes()
    (path / "data.mdb").write_bytes(data.replace(wanted, wanted[:-1] + b"!"))


def test_a_sound_journal_gives_0(comity: Comity, path: Path) -> None:
    code, out, err = comity("verify", path)
    assert (code, err) == (0, "")
    assert out.startswith(f"{path}: ")
    assert "\n15  events\n" in out
    assert "\n 1  read models\n" in out
    assert out.endswith("\nsound\n")


def test_faults_give_1_with_their_places_and_what_to_do(comity: Comity, path: Path) -> None:
    damage(path)
    code, out, _ = comity("verify", path)
    assert code == 1
    assert re.search(r"commit \d+, offset \d+: a turn is not what was written", out)
    assert "not what was written (commit" not in out.replace("\n", " ")
    assert "restore a backup, or read what is left with `comity salvage`" in out


def test_json_has_the_same(comity: Comity, path: Path) -> None:
    code, out, _ = comity("verify", path, "--json")
    assert (code, json.loads(out)["found"], json.loads(out)["events"]) == (0, 0, 15)
    damage(path)
    code, out, _ = comity("verify", path, "--json")
    found = json.loads(out)
    assert (code, found["found"]) == (1, len(found["faults"]))
    assert "commits" in [one["part"] for one in found["faults"]]
    assert found["faults"][0]["advice"].startswith("restore a backup")


def test_a_damaged_model_is_told(comity: Comity, path: Path) -> None:
    [file] = path.glob("models/*/g*/data.mdb")
    file.write_bytes(file.read_bytes()[: 3 * 4_096])
    code, out, _ = comity("verify", path)
    assert code == 1
    assert f"models/Items/{file.parent.name}: the file is cut short" in out.replace("\n    ", " ")
    assert "the domain rebuilds it from the journal" in out


SHOP, ITEMS = "tests.evolution.shop:shop", "tests.evolution.shop:Items"


def test_with_the_classes_events_are_loaded_and_models_compared(comity: Comity, path: Path) -> None:
    code, out, _ = comity("verify", path, SHOP, ITEMS)
    assert code == 0
    assert out.endswith(
        "\n15 events were loaded, 3 states folded\nItems has the rows that its events give\n"
    )


def test_events_that_no_class_reads_give_1(comity: Comity, path: Path) -> None:
    code, out, _ = comity("verify", path, "tests.evolution.shop:without_praise", "--json")
    assert code == 1
    assert json.loads(out)["classes"]["audit"]["problems"][0]["count"] == 3
    code, out, _ = comity("verify", path, "tests.evolution.shop:without_praise")
    assert (code, "3 × shop Praised, schema version 1" in out) == (1, True)


def test_a_model_with_a_row_too_few_gives_1(comity: Comity, path: Path) -> None:
    [folder] = path.glob("models/*/g*")
    with lmdb.open(str(folder), max_dbs=20) as env:
        names = [key.decode() for key, _ in env.begin().cursor() if not key.startswith(b"~")]
        with env.begin(write=True, db=env.open_db(names[0].encode())) as txn:
            cursor = txn.cursor()
            assert cursor.last()
            assert cursor.delete()
    (folder / "mark").unlink()
    code, out, _ = comity("verify", path, SHOP, ITEMS)
    assert (code, "Items: table " in out.replace("\n", " ")) == (1, True)


def test_the_classes_do_not_read_what_is_damaged(comity: Comity, path: Path) -> None:
    damage(path)
    code, out, _ = comity("verify", path, SHOP, ITEMS)
    assert (code, "the classes have not read it, since it is damaged" in out) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere:shop"], "there is no module nowhere"),
        (["tests.evolution.shop:trade"], "its decider, process or read models are"),
        ([SHOP, SHOP], "two deciders are called 'shop'"),
        ([ITEMS], "expected those of the new program"),
    ],
)
def test_wrong_classes_give_2(comity: Comity, path: Path, words: list[str], said: str) -> None:
    code, _, err = comity("verify", path, *words)
    assert (code, said in err.replace("\n", " ")) == (2, True), err


def test_a_domain_may_be_running(comity: Comity, tmp_path: Path, host: Callable[..., Host]) -> None:
    path = tmp_path / "team.db"
    write(path, story(boards=2, cards=2))
    host(path, "BoardCards")
    code, out, _ = comity("verify", path)
    assert (code, "read beside its writers in" in out) == (0, True)


def test_stopped_by_ctrl_c_it_tells_what_it_has_seen(
    comity: Comity, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def stopped() -> Generator[Flag]:
        flag = Flag()
        flag.set()
        yield flag

    monkeypatch.setattr(verify, "paused_by_ctrl_c", stopped)
    monkeypatch.setattr("comity.engine.lmdb.data_pages._OFTEN", 2)
    code, out, _ = comity("verify", path)
    assert code == 130
    assert "stopped before the end" in out.replace("\n", " ")
    assert "no faults so far" in out


def test_what_is_no_journal_gives_1_and_no_path_2(comity: Comity, path: Path) -> None:
    code, _, err = comity("verify", path / "nothing")
    assert (code, "there is nothing at" in err) == (1, True)
    (path / "unfinished").touch()
    code, _, err = comity("verify", path)
    assert (code, "is an unfinished copy" in err.replace("\n", " ")) == (1, True)
    assert comity("verify").code == 2


def test_data_cannot_drive_the_terminal(comity: Comity, tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    trade(path, name=HOSTILE)
    shutil.rmtree(path / "models", ignore_errors=True)
    for wanted in (b"Praised", b"streams", b"ids"):
        damage(path, wanted)
        assert shows_safely(comity("verify", path).out, something=False)
