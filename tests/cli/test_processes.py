"""`comity processes` and `comity timers`: what they print, with the code and without it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import ROOT
from tests.cli.shell import HOSTILE, Comity, shows_safely
from tests.cli.watchmen import call, open_
from tests.support.travel import travel

CODE = "tests.cli.watchmen:watchman"
CALM = "tests.cli.watchmen:calm"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two callers wait, one has hung up, one is not heard; the domain is closed."""
    path = tmp_path_factory.mktemp("calls") / "calls.db"
    with open_(path) as domain:
        call(domain, ("ann", "hello"), ("bob", "hang up"), ("boom", "!"), (HOSTILE, HOSTILE))
    return path


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """A journal whose domain is open in another process."""
    host = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.watchmen", str(tmp_path / "calls.db")],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert host.stdout is not None
    assert host.stdout.readline() == "open\n"
    yield tmp_path / "calls.db"
    host.communicate(timeout=60)


def test_all_processes_are_shown_without_their_code(comity: Comity, path: Path) -> None:
    code, out, err = comity("processes", path)
    assert (code, err) == (0, "")
    flat = " ".join(out.split())
    assert "watchman 2 1 1 0 2 – stopped: no program runs it now; the oldest waits for" in flat
    assert re.search(r"the next timer rings in (35|36) h", flat)


def test_json_says_what_is_known(comity: Comity, path: Path) -> None:
    (line,) = comity("processes", path, "--json").out.splitlines()
    found = json.loads(line)
    assert (found["name"], found["state"], found["lag_events"]) == ("watchman", "stopped", 0)
    assert (found["running"], found["ended"], found["unheard"], found["timers"]) == (2, 1, 1, 2)
    assert found["oldest"] < found["next_timer"]
    assert "stuck" not in found


def test_beside_an_open_domain_the_process_follows(comity: Comity, running: Path) -> None:
    code, out, _ = comity("processes", running, "--json")
    found = json.loads(out)
    assert (code, found["state"], found["error"], found["running"]) == (0, "following", "", 1)
    assert "dora" in comity("timers", running).out


def test_the_instances_of_one(comity: Comity, path: Path) -> None:
    code, out, _ = comity("processes", path, "watchman")
    assert code == 0
    assert "nobody hangs up on us" in " ".join(out.split())
    ended = [json.loads(one) for one in _lines(comity, path, "--state", "ended")]
    assert [(one["key"], one["stuck"]) for one in ended] == [("bob", None)]


def _lines(comity: Comity, path: Path, *words: str) -> list[str]:
    return comity("processes", path, "watchman", *words, "--json").out.splitlines()


def test_pages_of_instances(comity: Comity, path: Path) -> None:
    out = comity("processes", path, "watchman", "--limit", "2").out
    cursor = out.rpartition("--after ")[2].strip()
    assert len(_lines(comity, path, "--limit", "2", "--after", cursor)) == 2


def test_with_the_code_it_says_what_is_stuck_and_why(comity: Comity, path: Path) -> None:
    code, out, _ = comity("processes", path, CODE)
    flat = " ".join(out.split())
    assert (code, "2 running, 1 ended, 1 stuck" in flat) == (0, True)
    assert "boom is stuck: it hears Called (position " in flat
    assert "ValueError: too loud" in flat


def test_mended_code_is_not_stuck(comity: Comity, path: Path) -> None:
    lines = comity("processes", path, CALM, "--json").out.splitlines()
    assert all(json.loads(one)["stuck"] == [] for one in lines)


def test_one_instance_its_history_and_what_it_waits_for(comity: Comity, path: Path) -> None:
    code, out, _ = comity("processes", path, "watchman", "bob")
    flat = " ".join(out.split())
    assert code == 0
    assert "heard Called of phone/p1, version 2 who='bob' words='hang up'" in flat
    assert "ordered Hang of phone/p2 who='bob'" in flat
    assert "answered Hang rejected: nobody hangs up on us" in flat
    assert "ended nobody hangs up on us it waits for nothing" in flat


def test_one_instance_that_waits(comity: Comity, path: Path) -> None:
    flat = " ".join(comity("processes", path, CODE, "ann").out.split())
    assert "state - 'hello'" in flat
    assert re.search(r"waits for its timer check \(rings in (35|36) h", flat)


def test_one_instance_that_has_heard_nothing(comity: Comity, path: Path) -> None:
    flat = " ".join(comity("processes", path, CODE, "boom").out.split())
    assert "has not heard Called of phone/p1" in flat
    assert "is stuck: it hears Called" in flat


def test_one_instance_as_json(comity: Comity, path: Path) -> None:
    found = json.loads(comity("processes", path, CODE, "ann", "--json").out)
    assert [one["event"] for one in found["history"]] == ["ProcessHeard", "TimerSet"]
    assert found["history"][0]["fields"]["data"] == {"who": "ann", "words": "hello"}
    assert (found["state"], [one["name"] for one in found["waits_for"]["timers"]]) == (
        ["hello"], ["check"],
    )  # fmt: skip


def test_timers_the_next_one_first(comity: Comity, path: Path) -> None:
    code, out, _ = comity("timers", path, "--json")
    found = [json.loads(one) for one in out.splitlines()]
    assert code == 0
    assert [(one["process"], one["key"], one["name"]) for one in found] == [
        ("watchman", "ann", "check"), ("watchman", HOSTILE, "check"),
    ]  # fmt: skip
    assert 120_000 < found[0]["seconds_left"] < 129_600
    assert found[0]["due"].endswith("Z")
    assert "1 more: --limit 2" in comity("timers", path, "watchman", "--limit", "1").out


def test_a_process_that_no_domain_has_run_yet(comity: Comity, tmp_path: Path) -> None:
    travel(tmp_path / "trips.db")
    code, out, _ = comity("processes", tmp_path / "trips.db")
    assert (code, "its agenda is not built" in " ".join(out.split())) == (0, True)
    code, out, _ = comity("processes", tmp_path / "trips.db", "trip", "t4")
    assert (code, "what it waits for is not known" in out) == (0, True)
    assert comity("timers", tmp_path / "trips.db").code == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("processes nothing", 1, "there is nothing at nothing"),
        ("timers nothing", 1, "there is nothing at nothing"),
        ("processes calls.db trip", 2, "has no process trip; it has watchman"),
        ("timers calls.db trip", 2, "has no process trip; it has watchman"),
        ("processes calls.db watchman carl", 2, "watchman has no instance 'carl'"),
        ("processes calls.db watchman --state odd", 2, "expected new, running or ended"),
        ("processes calls.db watchman --after x", 2, "--after: 'x' is not a cursor"),
        ("processes calls.db tests.cli.watchmen:phone", 2, "its processes are watchman, calm"),
        ("processes calls.db json:loads", 2, "it has no processes"),
    ],
)
def test_what_is_refused(
    comity: Comity,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(path.parent)
    ran = comity(*words.split())
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


@pytest.mark.parametrize(
    "words",
    [["processes"], ["processes", "watchman"], ["processes", "watchman", HOSTILE], ["timers"],
     ["processes", CODE], ["processes", CODE, HOSTILE], ["processes", CODE, HOSTILE, "--json"]],
)  # fmt: skip
@pytest.mark.parametrize("terminal", [False, True])
def test_data_cannot_drive_the_terminal(
    comity: Comity,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    *,
    terminal: bool,
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    code, out, err = comity(words[0], path, *words[1:])
    assert (code, err) == (0, "")
    assert shows_safely(out, something=len(words) > 1 or words == ["timers"])
