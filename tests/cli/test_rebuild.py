"""Building a model from the command line, beside a domain or without; and what it has parked."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from examples.board.domain import CardRenamed, ColumnLimited
from tests.actors.test_parallel_build import story, write
from tests.cli.boards import CURED, POISON, BoardCards
from tests.cli.shell import Comity, Host

from comity.actors.projecting.build import Build
from comity.cli.progress import BuildBar
from comity.engine import ReadModelError

CARDS = "tests.cli.boards:BoardCards"
NEWER = "tests.cli.boards:Newer"
FUSSY = "tests.cli.boards:Fussy"
HELD = "tests.cli.boards:Held"
STRICT = "tests.cli.boards:Strict"
OpenHost = Callable[..., Host]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with two boards, without models."""
    path = tmp_path / "team.db"
    write(path, story(boards=2, cards=2))
    return path


def current(path: Path, model: str = "BoardCards") -> str:
    return (path / "models" / model / "current").readlink().name


# Without a domain.


def test_the_new_tables_answer(comity: Comity, path: Path) -> None:
    code, out, err = comity("rebuild", path, CARDS)
    assert (code, err) == (0, "")
    assert out.startswith("BoardCards: position 22, 22 events in ")
    assert out.endswith(" a second; the new tables are in use\n")
    assert comity("query", path, CARDS, "--count").out == "2\n"
    comity("rebuild", path, CARDS)
    assert current(path) == "g000002"
    assert not (path / "models" / "BoardCards" / "g000001").exists()


def test_with_several_processes_they_answer_too(comity: Comity, path: Path) -> None:
    told = json.loads(comity("rebuild", path, CARDS, "--processes", "2", "--json").out)
    assert told.pop("seconds") > 0
    assert told == {
        "model": "BoardCards", "processes": 2, "events": 22, "position": 22, "parked": 0,
        "handed_over": "swapped",
    }  # fmt: skip


def test_a_domain_goes_on_with_what_was_built(comity: Comity, path: Path, host: OpenHost) -> None:
    comity("rebuild", path, CARDS)
    domain = host(path, "BoardCards")
    domain.tell("add b1 new Pay")
    domain.close()
    assert current(path) == "g000001"
    assert comity("query", path, CARDS, "cards", "b1", "--count").out == "2\n"


def test_ctrl_c_pauses_and_the_next_goes_on(comity: Comity, tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    write(path, story(boards=3, cards=1200), at_once=500)
    hold = tmp_path / "hold"
    hold.touch()
    building = subprocess.Popen(
        [sys.executable, "-m", "comity.cli", "rebuild", str(path), HELD, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    while not list(path.glob("models/Held/beside/1/g000001/data.mdb")):
        assert building.poll() is None
    building.send_signal(signal.SIGINT)
    hold.unlink()
    out, err = building.communicate(timeout=60)
    told = json.loads(out)
    assert (building.returncode, err, told["handed_over"]) == (130, "", None)
    assert told["position"] < 19_200
    shown = json.loads(comity("models", path, "--json").out)
    assert shown["building"] == [
        {
            "generation": "beside/1/g000001", "position": told["position"], "end": 19_200,
            "events_per_second": None, "seconds_left": None,
        }
    ]  # fmt: skip
    rest = json.loads(comity("rebuild", path, HELD, "--json").out)
    assert (rest["position"], rest["handed_over"]) == (19_200, "swapped")
    assert rest["events"] == 19_200 - told["position"]


def test_another_number_of_processes_begins_anew(comity: Comity, path: Path) -> None:
    with Build.open(path, BoardCards, processes=2):
        pass
    with Build.open(path, BoardCards) as build:
        assert (build.processes, build.given_up) == (2, [])
    out = comity("rebuild", path, CARDS, "--processes", "1").out
    assert out.startswith(
        "an unfinished build with another number of processes (2) was discarded\n"
    )
    assert comity("rebuild", path, CARDS).out.startswith("BoardCards: ")


def test_only_one_builds_at_a_time(comity: Comity, path: Path) -> None:
    with Build.open(tmp_copy(path), BoardCards, folder=path / "models"):
        code, _, err = comity("rebuild", path, CARDS)
    assert (code, err.count("\n")) == (1, 1)
    assert re.match(r"comity: BoardCards is being built already, in process \d+ \(", err)


def tmp_copy(path: Path) -> Path:
    """The same journal, since a process opens one only once."""
    return Path(shutil.copytree(path, path.with_name("copy.db")))


def test_what_project_cannot_take_is_told(comity: Comity, path: Path) -> None:
    write(path, [("b1", CardRenamed(card="c1", title=POISON))])
    code, out, err = comity("rebuild", path, STRICT)
    assert (code, out) == (1, "")
    assert err == (
        "comity: Strict stopped at position 23, CardRenamed of board/b1 (version 12): "
        "ValueError: poison\n"
    )
    assert comity("query", path, STRICT).code == 1


def test_what_was_begun_with_a_longer_journal_is_of_no_use(path: Path, tmp_path: Path) -> None:
    longer, models = tmp_copy(path), tmp_path / "models"
    write(longer, story(boards=1, cards=1))
    with Build.open(longer, BoardCards, folder=models) as build:
        with pytest.raises(ReadModelError, match="nothing is built yet"):
            build.hand_over()
        build.go_on()
    said: list[int] = []
    with Build.open(path, BoardCards, folder=models) as build:
        assert build.go_on(lambda progress: said.append(progress.position))
    assert said == [0, 22]


def test_without_a_terminal_a_long_build_says_how_far_it_is_line_by_line(
    comity: Comity, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BuildBar, "SECONDS", 0.0)
    lines = comity("rebuild", path, CARDS).err.splitlines()
    assert lines[0] == "building BoardCards: 0 of 22 events (0%)"
    assert lines[-1].startswith("building BoardCards: 22 of 22 events (100%)")
    ran = comity("rebuild", path, CARDS, "--json")
    assert json.loads(ran.out)["position"] == 22
    first, *_, last = [json.loads(line) for line in ran.err.splitlines()]
    assert first == {
        "model": "BoardCards", "position": 0, "end": 22, "events_per_second": None,
        "seconds_left": None,
    }  # fmt: skip
    assert last["position"] == 22


# Beside a domain.


def test_a_running_domain_takes_the_new_tables_over(
    comity: Comity, path: Path, host: OpenHost
) -> None:
    domain = host(path, "BoardCards")
    domain.tell("add b1 new Pay")
    told = json.loads(comity("rebuild", path, CARDS, "--json").out)
    assert told["handed_over"] == "taken"
    assert current(path) == "g000002"
    domain.tell("add b1 newer Pay")
    while comity("query", path, CARDS, "cards", "b1", "--count").out != "3\n":
        pass


def test_a_domain_with_another_version_of_the_model_refuses_them(
    comity: Comity, path: Path, host: OpenHost
) -> None:
    host(path, "BoardCards")
    ran = comity("rebuild", path, NEWER)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "the domain has refused the new BoardCards: its program has another version" in ran.err
    assert current(path) == "g000001"


def test_a_domain_that_closes_meanwhile_leaves_the_swap_to_the_build(
    path: Path, host: OpenHost
) -> None:
    domain = host(path, "BoardCards")
    with Build.open(path, BoardCards) as build:
        build.go_on()
        domain.process.send_signal(signal.SIGSTOP)  # it looks at nothing that is offered
        with ThreadPoolExecutor(1) as pool:
            handing = pool.submit(build.hand_over)
            while not (path / "models" / "BoardCards" / "next").is_symlink():
                pass
            domain.process.kill()
            assert handing.result(30) == "swapped"
    assert current(path) == "g000002"
    assert not (path / "models" / "BoardCards" / "next").is_symlink()


def test_who_does_not_want_to_wait_leaves_it_offered(path: Path, host: OpenHost) -> None:
    host(path, "BoardCards")
    stop = threading.Event()
    stop.set()
    with Build.open(path, BoardCards) as build:
        build.go_on()
        assert build.hand_over(stop) == "offered"
    while current(path) != "g000002":
        pass


# What is wrong.

STRANGE = """
from examples.board.domain import CardAdded, CardRenamed
from tests.cli.boards import BoardCards, CardRow
from comity.engine import Decider, Event
from comity.readmodels import ReadModel, Table

class Unheard(Event):
    name: str

class Orphans(ReadModel[Unheard]):
    rows = Table(CardRow, key=lambda row: row.card)
    def project(self, event, at):
        pass

class Doubled(ReadModel[CardAdded]):
    rows = Table(CardRow, key=lambda row: row.card)
    def project(self, event, at):
        pass

def decide(state: int, command: None):
    return ()

def evolve(state: int, event: CardAdded | CardRenamed) -> int:
    return state

from examples.board.domain import RenameCard
decide.__annotations__["command"] = RenameCard
board = Decider("board", int, decide, evolve)
lists = Decider("lists", int, decide, evolve)
"""


@pytest.fixture
def workshop(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A current directory with a journal, and strange models."""
    (tmp_path / "strange.py").write_text(STRANGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("strange", None)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("rebuild nothing C", 1, "there is nothing at nothing"),
        ("rebuild . C", 1, "is a directory without a journal"),
        ("rebuild team.db C --processes 0", 2, "--processes"),
        (
            "rebuild team.db tests.cli.boards:NotKeyed --processes 2",
            2,
            "does not declare keyed_by_agg",
        ),
        ("rebuild team.db strange:Orphans", 2, "listens to Unheard, and no decider of that"),
        ("rebuild team.db strange:Doubled", 2, "two deciders are called board: name that"),
        ("rebuild team.db strange:Doubled --decider strange:nobody", 2, "its deciders are board"),
        (
            "rebuild team.db strange:Doubled --decider strange:lists",
            1,
            "without the decider 'board'",
        ),
        ("rebuild team.db strange:Doubled --decider examples.board.domain:board", 0, ""),
        ("parked list team.db C", 1, "there are no read models at team.db/models"),
        ("parked replay team.db C", 1, "there are no read models at team.db/models"),
        ("parked drop team.db C board/b1", 2, "of board/b1 would be dropped until the model"),
        ("parked drop team.db C board --yes", 2, "expected an aggregate as TYPE/KEY"),
        ("parked drop team.db C board/b1 --yes", 1, "there are no read models"),
        ("parked", 2, "which command?"),
        ("parked lost", 2, "No such command 'lost'"),
    ],
)
@pytest.mark.usefixtures("workshop")
def test_what_is_wrong_is_said_on_one_line(
    comity: Comity, words: str, code: int, said: str
) -> None:
    ran = comity(*({"C": CARDS}.get(word, word) for word in shlex.split(words)))
    assert said in ran.err
    assert ran.code == code
    assert (ran.err.startswith("comity: "), ran.err.count("\n")) == (bool(code), int(bool(code)))


@pytest.mark.usefixtures("workshop")
def test_events_of_a_type_whose_decider_was_not_found_are_not_passed_over(
    comity: Comity, tmp_path: Path
) -> None:
    path = tmp_path / "others.db"
    write(path, list(story(boards=1, cards=1))[:2], kind="lists")
    ran = comity("rebuild", path, CARDS)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "the journal has a CardAdded of lists/b0" in ran.err
    assert "name the deciders of the domain (--decider MODULE:NAME" in ran.err
    board, lists = "examples.board.domain:board", "strange:lists"
    assert comity("rebuild", path, CARDS, "--decider", board).code == 1
    assert comity("rebuild", path, CARDS, "--decider", board, "--decider", lists).code == 0


# What is parked.


@pytest.fixture
def parked(comity: Comity, path: Path) -> Iterator[Path]:
    """A model with two events of one board that are parked, and one of another."""
    write(
        path,
        [
            ("b1", CardRenamed(card="c1", title=POISON)),
            ("b1", ColumnLimited(column="todo", limit=5)),
            ("b0", CardRenamed(card="c1", title=f"{POISON}!")),
        ],
    )
    ran = comity("rebuild", path, FUSSY)
    assert ran.out.endswith("; the new tables are in use; 3 events are parked\n")
    yield path
    CURED.clear()


def waiting(comity: Comity, path: Path) -> list[tuple[str, int]]:
    lines = map(json.loads, comity("parked", "list", path, FUSSY, "--json").out.splitlines())
    return [(line["key"], line["version"]) for line in lines]


def test_parked_events_are_listed(comity: Comity, parked: Path) -> None:
    assert comity("parked", "list", parked, FUSSY).out == (
        "POSITION  AGGREGATE  VERSION  EVENT          WHO  WHY\n"
        "      23  board/b1        12  CardRenamed    ann  ValueError: poison\n"
        "      24  board/b1        13  ColumnLimited  ann  waits for an earlier event\n"
        "      25  board/b0        12  CardRenamed    ann  ValueError: poison!\n"
    )
    assert waiting(comity, parked) == [("b1", 12), ("b1", 13), ("b0", 12)]
    assert "3 parked" in comity("models", parked).out


def test_what_was_cured_is_taken_and_the_rest_stays(comity: Comity, parked: Path) -> None:
    ran = comity("parked", "replay", parked, FUSSY)
    assert (ran.code, ran.out) == (1, "Fussy: 0 parked events were applied\n")
    assert ran.err == (
        "comity: these events still fail and stay parked: board/b1: ValueError: poison; "
        "board/b0: ValueError: poison!\n"
    )
    CURED.add(POISON)
    told = comity("parked", "replay", parked, FUSSY, "--json")
    assert json.loads(told.out) == {"taken": 2, "failed": {"board/b0": "ValueError: poison!"}}
    assert waiting(comity, parked) == [("b0", 12)]
    out = comity("query", parked, FUSSY, "cards", "b1", "c1", "--json").out
    assert json.loads(out)["rows"][0]["title"] == POISON
    CURED.add(f"{POISON}!")
    assert comity("parked", "replay", parked, FUSSY, "board/b0").code == 0
    assert comity("parked", "list", parked, FUSSY).out == "Fussy has no parked events\n"


def test_what_is_given_up_is_gone(comity: Comity, parked: Path) -> None:
    ran = comity("parked", "drop", parked, FUSSY, "board/b1", "--yes")
    assert (ran.code, ran.out) == (0, "Fussy: 2 parked events of board/b1 were dropped\n")
    told = comity("parked", "drop", parked, FUSSY, "board/b0", "--yes", "--json")
    assert json.loads(told.out) == {"dropped": 1}
    again = comity("parked", "drop", parked, FUSSY, "board/b0", "--yes")
    assert (again.code, again.err) == (1, "comity: Fussy has no parked events of board/b0\n")


def test_beside_a_running_domain_it_is_listed_and_the_rest_is_done_there(
    comity: Comity, parked: Path, host: OpenHost
) -> None:
    host(parked, "Fussy")
    assert len(waiting(comity, parked)) == 3
    ran = comity("parked", "replay", parked, FUSSY)
    assert ran.code == 1
    assert ran.err.startswith("comity: process ")
    assert "leads Fussy: call domain.model(Fussy).replay() there" in " ".join(ran.err.split())
    ran = comity("parked", "drop", parked, FUSSY, "board/b1", "--yes")
    assert (ran.code, "domain.model(Fussy).drop(...) there" in ran.err) == (1, True)


def test_tables_of_another_version_are_left_alone(comity: Comity, path: Path) -> None:
    comity("rebuild", path, CARDS)
    ran = comity("parked", "replay", path, NEWER)
    assert (ran.code, "was not built by this version of Newer" in ran.err) == (1, True)
