"""`comity salvage`: what people and programs get to see, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.shell import HOSTILE, Comity, shows_safely
from tests.cli.test_verify import damage
from tests.evolution.shop import trade

from comity.cli import salvage
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.runtime.system import Flag


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    trade(path)
    return path


def test_of_a_sound_journal_nothing_is_missing(comity: Comity, path: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    code, out, err = comity("salvage", path, new)
    assert (code, err) == (0, "")
    assert out.startswith(f"{new} has what can be read of {path}, and is verified\n")
    assert "\nnothing is missing\n" in out
    assert "Both journals are the same up to position 15; from there on" in out.replace("\n", " ")
    journal = LmdbJournal.open(new)
    assert journal.position() == 15
    journal.close()


def test_what_is_missing_gives_1_and_is_told(comity: Comity, path: Path, tmp_path: Path) -> None:
    damage(path)
    code, out, _ = comity("salvage", path, tmp_path / "new.db")
    said = out.replace("\n", " ")
    assert code == 1
    assert "could be read in part" in said
    assert "shop/s0 ends at version 4 of 5: version 5 is missing" in said
    assert "aside.jsonl" in said


def test_json_has_the_same(comity: Comity, path: Path, tmp_path: Path) -> None:
    damage(path)
    code, out, _ = comity("salvage", path, tmp_path / "new.db", "--json")
    done = json.loads(out)
    assert (code, done["complete"]) == (1, False)
    assert done["cut"][0] == {
        "aggregate": "shop/s0", "kept": 4, "missing": 5, "known": 5, "aside": 0,
    }  # fmt: skip
    assert done["harmed"][0]["lost"] == 1


def test_what_is_there_is_not_overwritten(comity: Comity, path: Path) -> None:
    code, _, err = comity("salvage", path, path)
    assert (code, "give another path" in err.replace("\n", " ")) == (1, True)
    assert comity("salvage", path).code == 2


def test_stopped_by_ctrl_c_it_leaves_nothing(
    comity: Comity, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def stopped() -> Generator[Flag]:
        flag = Flag()
        flag.set()
        yield flag

    monkeypatch.setattr(salvage, "paused_by_ctrl_c", stopped)
    assert comity("salvage", path, tmp_path / "new.db").code == 130
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_data_cannot_drive_the_terminal(comity: Comity, tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    trade(path, name=HOSTILE)
    damage(path)
    assert shows_safely(comity("salvage", path, tmp_path / "new.db").out, something=False)
