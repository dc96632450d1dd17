"""`comity compact`: what it says before it does anything, what it does, and what it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import ROOT
from tests.cli.shell import HOSTILE, Comity, Host, shows_safely
from tests.cli.watchmen import Call, Hang, phone

from comity.actors import Domain
from comity.actors.operating.compacting import Beside
from comity.cli import compact as command
from comity.engine import Rejected
from comity.engine.compacting import compact as compacting
from comity.engine.compacting import compact_copy
from comity.engine.compacting.progress import Progress, Stage
from comity.engine.journal.lmdb_journal import LmdbJournal


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal with 200 calls, and 200 commands that were refused before them."""
    monkeypatch.setattr(compacting, "SHRINK_FROM", 1)
    monkeypatch.chdir(tmp_path)
    with Domain.open("calls.db", deciders=[phone]) as domain:
        handle = domain.session("ann").aggregate(phone, "p1")
        for _ in range(200):
            with pytest.raises(Rejected):
                handle.do(Hang(who=HOSTILE))
        for sent in [handle.send(Call(who="bob", words="x" * 200)) for _ in range(200)]:
            sent.result()
    return Path("calls.db")


def records(path: Path) -> int:
    journal = LmdbJournal.open(path, read_only=True)
    try:
        return len([*journal.read_every()])
    finally:
        journal.close()


def test_without_yes_it_says_what_would_be_freed_and_changes_nothing(
    path: Path, comity: Comity
) -> None:
    before = (path / "data.mdb").read_bytes()
    ran = comity("compact", path, "--refusals", "--keep-ids", "100")
    assert (ran.code, ran.err) == (0, "")
    assert "refusals" in ran.out
    assert "nothing was changed: add --yes to free it" in ran.out
    assert (path / "data.mdb").read_bytes() == before


def test_refusals_stay_unless_it_is_said(path: Path, comity: Comity) -> None:
    ran = comity("compact", path, "--yes", "--keep-ids", "100")
    assert ran.code == 0
    assert "stay: --refusals drops" in ran.out
    assert records(path) == 400


def test_it_drops_refusals_and_makes_the_file_smaller(path: Path, comity: Comity) -> None:
    before = (path / "data.mdb").stat().st_size
    ran = comity("compact", path, "--yes", "--refusals", "--keep-ids", "100")
    assert ran.code == 0
    assert "its file took" in ran.out
    assert shows_safely(ran.out, something=False)
    assert (path / "data.mdb").stat().st_size < before
    assert records(path) == 200
    assert "400  including refused ones; 200 of these were dropped" in comity("stats", path).out
    with Domain.open(path, deciders=[phone]) as domain:
        assert domain.aggregate(phone, "p1").do(Call(who="bob")).version == 201


def test_json_has_the_plan_and_the_result(path: Path, comity: Comity) -> None:
    planned = json.loads(comity("compact", path, "--refusals", "--keep-ids", "0", "--json").out)
    assert planned["done"] is None
    done = json.loads(
        comity("compact", path, "--refusals", "--keep-ids", "0", "--yes", "--json").out
    )
    assert done["done"]["refusals"] == planned["plan"]["refusals"]
    assert done["done"]["refusals"]["many"] == 200
    assert done["size_after"] < done["size_before"]
    assert done["files"] == []


def test_beside_a_running_domain_the_file_keeps_its_size_and_it_says_why(
    path: Path, comity: Comity, host: Callable[..., Host]
) -> None:
    host(path.absolute())
    ran = comity("compact", path, "--yes", "--refusals", "--keep-ids", "100")
    assert ran.code == 0
    assert "its file keeps its size" in ran.out
    assert "it is open in process" in ran.out
    assert records(path) == 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.db"], "there is nothing at"),
        (["calls.db", "--keep-ids", "-1"], "--keep-ids"),
        (["calls.db", "--keep-days", "many"], "--keep-days"),
        ([], "Missing argument"),
    ],
)
def test_a_wrong_argument_is_an_error(
    path: Path, comity: Comity, words: list[str], said: str
) -> None:
    ran = comity("compact", *words)
    assert ran.code in {1, 2}
    assert said in ran.err


def test_a_disk_without_room_for_the_copy_is_an_error_and_nothing_is_lost(
    path: Path, comity: Comity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact_copy, "_SPARE", 1 << 60)
    ran = comity("compact", path, "--yes", "--keep-ids", "0")
    assert ran.code == 1
    assert "make room first" in ran.err
    assert records(path) == 400


def test_ctrl_c_stops_it_and_the_next_call_goes_on(
    path: Path, comity: Comity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> list[Beside]:
        os.kill(os.getpid(), signal.SIGINT)
        return []

    monkeypatch.setattr(command, "beside", interrupt)
    ran = comity("compact", path, "--yes", "--refusals", "--keep-ids", "100")
    assert ran.code == 130
    assert "the same command goes on" in ran.err
    monkeypatch.undo()
    monkeypatch.chdir(path.parent)


def test_the_progress_is_a_line_of_text_or_json_where_there_is_no_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command.CompactBar, "SECONDS", -1.0)
    for as_json in (False, True):
        with command.CompactBar(json=as_json) as bar:
            bar.show(Progress(Stage.COPYING, 7, 1_000))
    text, line = capfd.readouterr().err.splitlines()
    assert text == "copying: 7 of 1,000"
    assert json.loads(line) == {"stage": "copying", "done": 7, "total": 1000}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_a_journal_is_sound_whenever_it_is_killed(path: Path, seed: int) -> None:
    """Kill -9 at a random moment, fifty times; at last it is let through."""
    journal = LmdbJournal.open(path)
    events = list(journal.read_all())
    journal.close()
    words = ("compact", str(path), "--yes", "--refusals", "--keep-ids", "100")
    process = subprocess.Popen(
        [sys.executable, "-m", "comity.cli", *words], stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    time.sleep(0.2 + 0.03 * seed)
    process.kill()
    process.communicate()
    journal = LmdbJournal.open(path)
    assert list(journal.read_all()) == events
    journal.close()
    assert subprocess.run([sys.executable, "-m", "comity.cli", *words], check=True).returncode == 0
    assert records(path) == 200
    assert not [*path.glob("compact-*")]
