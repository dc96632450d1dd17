"""`comity simulate`: people at work in a script's scenario, and what is shown of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.shell import Comity

from comity.cli.play_bar import PlayBar

ROOT = Path(__file__).parents[2]
TEAM = "examples/board/scenario.py"
FEW = ("--people", "8", "--hours", "0.5")

SCRIPT = """
from examples.board.domain import AddCard, RenameCard, board
from comity.engine import overwrite
from comity.simulation import Crowd, Person, Scenario

async def member(person: Person) -> None:
    view = await person.look(board, "b")
    await person.think(person.exponential(10))
    await person.do(AddCard(card=person.name, number=view.state.next_number, title="x"))
    if {fails}:
        raise ValueError("no more")

monday = Scenario("Monday", deciders=[board], crowds=[Crowd(member, 3)], hours=0.1)
{more}
"""


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return written(tmp_path)


def written(folder: Path, fails: str = "False", more: str = "") -> Path:
    path = folder / "monday.py"
    path.write_text(SCRIPT.format(fails=fails, more=more), encoding="utf-8")
    return path


# --- a run


def test_a_run_is_told_in_a_table(comity: Comity) -> None:
    ran = comity("simulate", TEAM, *FEW, "--seed", "7")
    assert ran.code == 0
    assert "Team board: 8 people for" in ran.out
    assert "own rules" in ran.out


def test_the_same_seed_gives_the_same_run(comity: Comity) -> None:
    first, second, other = (
        json.loads(comity("simulate", TEAM, *FEW, "--seed", seed, "--json").out)
        for seed in ("7", "1-7", "8")
    )
    assert first["seed_text"] == "1-7"
    assert first["trace"] == second["trace"] != other["trace"]
    assert sum(first["outcomes"].values()) == first["cost"]["attempts"]


def test_a_comparison_has_a_line_for_each_set_of_rules(comity: Comity) -> None:
    out = comity("simulate", TEAM, *FEW, "--compare").out
    for name in ("own rules", "reject", "version column", "last writer wins"):
        assert f"\n{name}  " in out


def test_a_comparison_says_which_pairs_of_command_and_event_cost_most(
    comity: Comity, script: Path
) -> None:
    out = comity("simulate", script, "--compare").out
    assert re.search(r"^COMMAND  UNSEEN EVENT +OWN RULES", out, re.MULTILINE)
    assert re.search(r"^AddCard  CardAdded .* asked", out, re.MULTILINE)


def test_a_script_may_name_policies_of_its_own(comity: Comity, tmp_path: Path) -> None:
    path = written(tmp_path, more='policies = {"hasty": {RenameCard: overwrite}}')
    runs = json.loads(comity("simulate", path, "--compare", "--json").out)["runs"]
    assert [run["policy"] for run in runs] == ["hasty"]


def test_a_comparison_warns_if_sets_of_rules_failed(comity: Comity, tmp_path: Path) -> None:
    path, page = written(tmp_path, fails="True"), tmp_path / "report.html"
    ran = comity("simulate", path, "--compare", "--html", page)
    early = re.compile(r"Failed, so their figures are those of the time until then: own rules \(a")
    assert early.search(ran.out)
    assert early.search(page.read_text(encoding="utf-8"))
    assert ran.out.count("own rules failed; this is what happened") == 1
    assert re.search(r"^version column failed, too: 00:00:.*ValueError", ran.out, re.MULTILINE)
    assert ran.out.endswith(f"play it again: comity simulate {path} --seed 0 --compare\n")


def test_a_report_is_written_to_look_at(comity: Comity, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert comity("simulate", TEAM, *FEW, "--html", page).out.endswith(f"report: {page}\n")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    comity("simulate", TEAM, *FEW, "--compare", "--html", page)
    assert "Team board under 4 sets of rules" in page.read_text(encoding="utf-8")


# --- real time


@pytest.mark.parametrize("way", [(), ("--asyncio",)])
def test_a_scenario_is_played_in_real_time_on_the_disk(
    comity: Comity, tmp_path: Path, script: Path, way: tuple[str, ...]
) -> None:
    journal = tmp_path / "team.db"
    ran = comity("simulate", script, "--real", "500", *way, "--journal", journal, "--json")
    assert ran.code == 0
    told = json.loads(ran.out)
    assert (told["trace"], told["cost"]["attempts"]) == ("", 3)
    assert "CardAdded" in comity("history", journal, "board/b").out


def test_a_report_is_written_although_nobody_reads_the_table(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    playing = subprocess.Popen(
        [sys.executable, "-m", "comity.cli", "simulate", TEAM, *FEW, "--html", page],
        cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert playing.stdout is not None
    playing.stdout.close()
    assert playing.wait(60) == 141
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


# --- many seeds


def test_many_seeds_are_played_by_several_processes(
    comity: Comity, tmp_path: Path, script: Path
) -> None:
    page = tmp_path / "report.html"
    words = ("--seeds", "6", "--processes", "2", "--html", page)
    ran = comity("simulate", script, *words, "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["played"], told["commands"], told["failed"]) == (0, 6, 18, None)
    assert "seeds, and none failed" in page.read_text(encoding="utf-8")


def test_the_first_seed_that_fails_is_told_as_a_story(comity: Comity, tmp_path: Path) -> None:
    path = written(tmp_path, fails="person.number == 2 and 10 < person.now < 12")
    page = tmp_path / "report.html"
    words = ("--seeds", "200", "--processes", "2", "--html", page)
    ran = comity("simulate", path, *words)
    assert ran.code == 1
    seed = ran.out.split(" seeds, seed ")[1].split()[0]
    assert f"play it again: comity simulate {path} --seed {seed}" in ran.out
    assert "the smallest run that fails like this has 1 of 3 people" in ran.out
    assert "member 2 raised ValueError" in ran.out
    assert "It failed: ValueError" in page.read_text(encoding="utf-8")
    assert comity("simulate", path, "--seed", seed).code == 1
    for smaller in range(int(seed)):
        assert comity("simulate", path, "--seed", smaller).code == 0


def test_a_process_that_dies_is_told(comity: Comity, tmp_path: Path) -> None:
    path = written(tmp_path, fails="__import__('os')._exit(3)")
    ran = comity("simulate", path, "--seeds", "2", "--processes", "1")
    assert ran.code == 1
    assert "a process that played seeds ended with exit code 3" in ran.err


# --- what fails


def test_a_run_that_fails_has_exit_code_1(comity: Comity, tmp_path: Path) -> None:
    ran = comity("simulate", written(tmp_path, fails="True"))
    assert ran.code == 1
    assert "own rules failed; the smallest run that fails like this has 1 of 3" in ran.out
    assert "ValueError" in ran.out


WRONG = [
    (["none.py"], "'none.py' does not exist"),
    (["tests"], "'tests' is a directory"),
    ([f"{TEAM}:monday"], "has no scenario 'monday'; it has team"),
    (["examples/board/domain.py"], "it has none; write for example"),
    ([TEAM, "--people", "0"], "--people"),
    ([TEAM, "--hours", "0"], "hours: expected a number above 0"),
    ([TEAM, "--hours", "nan"], "hours: expected a number above 0"),
    ([TEAM, "--seed", "x"], "expected a number, or a run's seed_text"),
    ([TEAM, "--seed", "0-7"], "was found with version 0"),
    ([TEAM, "--seeds", "0"], "--seeds"),
    ([TEAM, "--seeds", "2", "--compare"], "--compare and --seeds are different ways to play"),
    ([TEAM, "--processes", "2"], "--processes needs --seeds"),
    ([TEAM, "--asyncio"], "--asyncio needs --real"),
    ([TEAM, "--journal", "x"], "--journal needs --real"),
    ([TEAM, "--real", "0"], "RealTime.speed: expected a number above 0"),
    ([TEAM, "--real", "60", "--journal", "tests"], "expected a new folder"),
    ([TEAM, "--html", "tests"], "tests is a directory"),
    ([TEAM, "--html", TEAM], "expected a file for a page"),
    ([TEAM, "--html", "none/report.html"], "cannot be written: No such file"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_a_wrong_argument_is_explained(comity: Comity, words: list[str], said: str) -> None:
    ran = comity("simulate", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("x = 1 / 0", "raised ZeroDivisionError in line 14: division by zero"),
        ("import nowhere", "raised ModuleNotFoundError in line 14"),
        ("raise SystemExit(0)", "raised SystemExit"),
        ("(", "raised SyntaxError"),
        ("other = Scenario('o', deciders=[board], crowds=[Crowd(member)])", "it has monday, other"),
        ("policies = 3", "expected policies such as"),
    ],
)
def test_a_script_that_cannot_be_played_is_explained(
    comity: Comity, tmp_path: Path, more: str, said: str
) -> None:
    ran = comity("simulate", written(tmp_path, more=more), "--compare")
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_policy_for_a_command_that_is_not_there_is_refused(
    comity: Comity, tmp_path: Path
) -> None:
    more = "class Fly(RenameCard):\n    pass\npolicies = {'hasty': {Fly: overwrite}}"
    ran = comity("simulate", written(tmp_path, more=more), "--compare")
    assert ran.code == 2
    assert "policy 'hasty': no decider of the scenario has Fly" in ran.err


def test_two_names_of_one_scenario_are_one(comity: Comity, tmp_path: Path) -> None:
    path = written(tmp_path, more="same = monday")
    assert comity("simulate", path).code == comity("simulate", f"{path}:same").code == 0


# --- Ctrl-C, and progress

QUICK = """
from comity.cli import main
from comity.cli.play_bar import PlayBar

PlayBar.SECONDS = 0.0
if __name__ == "__main__":
    main()
"""


LONG = [("--compare",), ("--seeds", "100000", "--processes", "2", "--hours", "0.01")]


@pytest.mark.parametrize("words", LONG)
def test_ctrl_c_leaves_a_report_of_what_ran(tmp_path: Path, words: tuple[str, ...]) -> None:
    program = tmp_path / "quick.py"
    program.write_text(QUICK, encoding="utf-8")
    playing = subprocess.Popen(
        [sys.executable, program, "simulate", TEAM, "--people", "50", *words, "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert playing.stderr is not None
    assert json.loads(playing.stderr.readline())["commands"] >= 0
    playing.send_signal(signal.SIGINT)
    out, _ = playing.communicate(timeout=60)
    assert playing.returncode == 130
    told = json.loads(out)
    assert told.get("interrupted") or told["runs"][-1]["interrupted"]


WITH_MODEL = """
from examples.board.read_models import Cards
from examples.board.scenario import board, member
from comity.simulation import Crowd, Scenario
scenario = Scenario("cards", deciders=[board], crowds=[Crowd(member, 5)], read_models=[Cards])
"""


def test_ctrl_c_while_seeds_are_played_leaves_no_folder_behind(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (tmp_path / "cards.py").write_text(WITH_MODEL, encoding="utf-8")
    program = tmp_path / "quick.py"
    place = f"from comity.simulation.world import world\nworld.IN_MEMORY = {str(models)!r}\n"
    program.write_text(place + QUICK, encoding="utf-8")
    words = ["--people", "50", "--hours", "20", "--seeds", "100", "--processes", "2"]
    playing = subprocess.Popen(
        [sys.executable, program, "simulate", tmp_path / "cards.py", *words],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while len(list(models.iterdir())) < 2:
        assert playing.poll() is None
        time.sleep(0.02)
    playing.send_signal(signal.SIGINT)
    assert playing.wait(60) == 130
    assert list(models.iterdir()) == []


def test_progress_is_told_in_lines_where_there_is_no_terminal(
    comity: Comity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PlayBar, "SECONDS", 0.0)
    ran = comity("simulate", TEAM, "--people", "20", "--hours", "1", "--seed", "7")
    assert "own rules: " in ran.err
    assert "of 1 hours" in ran.err
