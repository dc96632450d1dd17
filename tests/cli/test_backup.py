"""`comity backup` and `comity restore`: what they print, and their exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from examples.board.domain import board
from tests.backups.ledgers import Told, count, opened
from tests.cli.shell import Comity, Host
from tests.evolution.migrations import go_on, records, write

from comity.actors import Domain

ROOT = Path(__file__).parents[2]


@pytest.fixture
def team(tmp_path: Path) -> Path:
    path = tmp_path / "team.db"
    write(path)
    return path


def test_a_backup_says_what_is_new(comity: Comity, team: Path, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    comity("backup", team, dest)
    with Domain.open(team, deciders=[board]) as domain:
        go_on(domain, 4)
    code, out, err = comity("backup", team, dest)
    assert (code, err) == (0, "")
    said = " ".join(out.split())
    assert f"{dest} has everything that {team} has" in said
    assert "commands 4 24 including refused ones" in said
    assert "Read models are not in it" in said


def test_json_has_every_figure(comity: Comity, team: Path, tmp_path: Path) -> None:
    told = json.loads(comity("backup", team, tmp_path / "dest", "--json", "--whole").out)
    assert told["seconds"] > 0
    assert told["size"] > 1_000
    assert (told["complete"], told["commands"], told["read_back"]) == (True, 20, told["commits"])
    assert told["holds"]["commands"] == 20
    found = json.loads(comity("restore", tmp_path / "dest", "--check", "--json").out)
    assert found["holds"] == told["holds"]
    assert found["lacking"]["commands"] == 0
    assert found["path"] is None
    made = json.loads(comity("restore", tmp_path / "dest", tmp_path / "new", "--json").out)
    assert made["path"] == str(tmp_path / "new")
    assert made["branch"]


def test_it_works_beside_a_running_domain_of_another_process(
    comity: Comity, host: Callable[..., Host], tmp_path: Path
) -> None:
    team, dest = tmp_path / "team.db", tmp_path / "dest"
    running = host(team)
    running.tell("add b1 c1 One")
    assert comity("backup", team, dest).code == 0
    running.tell("add b1 c2 Two")
    code, out, _ = comity("restore", dest, tmp_path / "new.db")
    assert code == 0
    assert f"It lacks the last 1 commands of {team}, in 1 commits" in " ".join(out.split())
    assert len(records(tmp_path / "new.db")) == 1


def test_problems_are_1_and_wrong_arguments_2(comity: Comity, team: Path, tmp_path: Path) -> None:
    dest, new = tmp_path / "dest", tmp_path / "new.db"
    assert comity("backup", tmp_path / "none", dest).code == 1
    assert comity("backup", team, team).code == 2
    assert comity("backup", team, team / "inside").code == 2
    assert comity("backup", team, ROOT).code == 1
    assert comity("backup", team, dest).code == 0
    assert comity("restore", dest).code == 2
    assert comity("restore", dest, new, "--check").code == 2
    assert comity("restore", dest, dest).code == 2
    assert comity("restore", team, new).code == 1
    code, _, err = comity("restore", dest, team)
    assert code == 1
    assert "nothing is overwritten" in err
    assert not new.exists()


def test_a_ledger_that_cannot_be_read_is_1(comity: Comity, tmp_path: Path) -> None:
    team, dest = tmp_path / "team.db", tmp_path / "dest"
    with opened(team, Told()) as domain:
        count(domain, 1)
    (team / "outlets" / "Told" / "data.mdb").unlink()
    code, out, err = comity("backup", team, dest)
    assert code == 1
    assert "has everything that" in out
    assert "the ledger of the outlet Told could not be copied" in err


def test_ctrl_c_pauses_a_backup(team: Path, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    slow = (
        "import sys, time; from comity.engine.journal import whole_commits as w; "
        "w.BATCH_BYTES = 1; after = w.WholeCommits.after; "
        "w.WholeCommits.after = lambda self, n: (print('.', flush=True), time.sleep(0.1), "
        "after(self, n))[2]; from comity.cli.app import run; sys.exit(run())"
    )
    words = [sys.executable, "-c", slow, "backup", str(team), str(dest)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(3):
            child.stdout.readline()
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "paused; " in said
    assert "run the same command to continue" in said
    found = records(dest)
    assert 0 < len(found) < 20
    assert found == records(team)[: len(found)]


def test_after_an_interrupted_backup_a_restore_says_so(
    comity: Comity, team: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comity.engine.backups.backing_up.read_back", _killed)
    comity("backup", team, tmp_path / "dest")
    out = comity("restore", tmp_path / "dest", "--check").out
    assert "The last backup was interrupted. What it had copied by then is there." in out


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
