"""The command line as it is typed: what it prints and refuses, and that docs/cli.md is true."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import typer.main
from examples.board.__main__ import tell
from examples.board.domain import AddCard, Comment, RenameCard, board
from examples.board.read_models import Cards
from examples.reminder.domain import FinishTask, GiveTask, TaskGiven, tasks
from examples.reminder.process import reminder
from tests.cli.shell import HOSTILE, Comity, shows_safely

from comity.actors import Delivery, Domain, Outlet
from comity.cli.app import app
from comity.engine import AggregateId, Recorded
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
BOARD = "examples.board.domain:board"
CARDS = "examples.board.read_models:Cards"

COMMANDS = {
    name: command
    for name, command in vars(typer.main.get_command(app))["commands"].items()
    if isinstance(name, str)
}


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("story") / "team.db"
    with Domain.open(path, deciders=[board]) as domain:
        tell(domain)
        add_hostile_data(domain)
    return path


def add_hostile_data(domain: Domain) -> None:
    evil = domain.session(HOSTILE).aggregate(board, HOSTILE)
    evil.look()
    evil.send(AddCard(card=HOSTILE, number=1, title=HOSTILE)).result(60)
    other = domain.session(HOSTILE).aggregate(board, HOSTILE)
    other.send(RenameCard(card=HOSTILE, title=f"{HOSTILE}!"), seen=1).result(60)
    evil.send(Comment(card=HOSTILE, comment="long", text="x" * 1500), seen=0).result(60)


# Each command, for people and for programs.


def test_history_tells_who_did_what_and_how_it_merged(comity: Comity, journal: Path) -> None:
    out = comity("history", journal, "board/sprint-42").out
    assert "versions 1 to 15 of 15" in out
    assert re.search(r"13  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ann  CardRenamed card='c2'", out)
    assert "ann wanted to rename card on version 5" in out


def test_history_goes_on_where_it_is_told_to(comity: Comity, journal: Path) -> None:
    out = comity("history", journal, "board/sprint-42", "--after", "5", "--limit", "2").out
    assert re.findall(r"^ *(\d+)  ", out, re.MULTILINE) == ["6", "7"]
    assert out.endswith("8 more: --after 7\n")


def test_history_after_the_newest_version_is_empty(comity: Comity, journal: Path) -> None:
    assert comity("history", journal, "board/sprint-42", "--after", "15") == (
        0,
        "board/sprint-42: nothing after version 15 yet\n",
        "",
    )


def test_history_shows_what_stands_before_an_event_that_cannot_be_read(
    comity: Comity, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_added = """
from examples.board.domain import AddCard, Board, CardAdded
from comity.engine import Decider
def decide(board: Board, command: AddCard) -> tuple[CardAdded, ...]: return ()
def evolve(board: Board, event: CardAdded) -> Board: return board
board = Decider("board", Board, decide, evolve)
"""
    (tmp_path / "only_added.py").write_text(only_added)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    ran = comity("history", journal, "board/sprint-42", "--decider", "only_added:board")
    assert ran.code == 1
    assert "CardAdded card='c1'" in ran.out
    assert "and no event class has that name" in ran.err


def test_history_marks_the_events_that_the_decider_has_retired(
    comity: Comity, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = "[name for kind in board.events if (name := kind.stored_as) != 'CardAdded']"
    program = f"""
from examples.board.domain import AddCard, Board, CardAdded, board
from comity.engine import Decider
def decide(board: Board, command: AddCard) -> tuple[CardAdded, ...]: return ()
def evolve(board: Board, event: CardAdded) -> Board: return board
retiring = Decider("board", Board, decide, evolve, retired={others})
"""
    (tmp_path / "retiring.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    out = comity("history", journal, "board/sprint-42", "--decider", "retiring:retiring").out
    added = [line for line in out.splitlines() if "CardAdded" in line]
    assert added
    assert not any("(retired)" in line for line in added)
    assert "(retired)" in out


@pytest.mark.parametrize("decider", [[], ["--decider", BOARD]])
def test_history_as_json_has_a_line_for_each_event(
    comity: Comity, journal: Path, decider: list[str]
) -> None:
    out = comity("history", journal, "board/sprint-42", "--json", *decider).out
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["version"] for line in lines] == list(range(1, 16))
    assert lines[5]["fields"] == {"card": "c1", "title": "Log in with a passkey"}
    assert (lines[5]["who"], lines[5]["outcome"]) == ("bob", "applied")
    assert lines[14]["report"]["rule"] == "AddCard.on_conflict"


def test_state_shows_today(comity: Comity, journal: Path) -> None:
    out = comity("state", journal, "board/sprint-42", "--decider", BOARD).out
    assert out.startswith("board/sprint-42 at version 15 of 15\n")
    assert "    title: 'Log in with a passkey'\n" in out
    assert "    voters: ['ann', 'bob']\n" in out


def test_state_shows_any_version(comity: Comity, journal: Path) -> None:
    for version in (0, 1, 5):
        out = comity(
            "state", journal, "board/sprint-42", "--decider", BOARD, "--at", str(version), "--json"
        ).out
        state = json.loads(out)
        assert (state["type"], state["key"], state["version"]) == ("board", "sprint-42", version)
        assert len(state["state"]["cards"]) == version


def test_matrix_says_which_rule_decides(comity: Comity) -> None:
    out = comity("matrix", BOARD).out
    assert re.search(r"^MoveCard +merges +CardRenamed", out, re.MULTILINE)
    assert re.search(r"^ +overwrite +CardAdded, CardMoved", out, re.MULTILINE)


def test_matrix_as_json_has_every_cell(comity: Comity) -> None:
    table = json.loads(comity("matrix", BOARD, "--json").out)
    assert len(table["cells"]) == len(table["commands"]) * len(table["events"]) == 64


def test_matrix_as_a_page_has_every_pair_and_asks_nothing_of_the_network(
    comity: Comity, tmp_path: Path
) -> None:
    file = tmp_path / "matrix.html"
    assert comity("matrix", BOARD, "--html", str(file)).out.split() == ["wrote", str(file)]
    page = file.read_text(encoding="utf-8")
    assert len(re.findall(r'title="\w+, \w+: ', page)) == 64
    assert 'title="MoveCard, CardMoved: overwrite, at card/{card}/column"' in page
    assert not re.search(r"<script|<link|https?://", page)


def test_matrix_as_a_page_and_as_json(comity: Comity, tmp_path: Path) -> None:
    file = tmp_path / "matrix.html"
    assert json.loads(comity("matrix", BOARD, "--html", str(file), "--json").out)["cells"]
    assert file.exists()


def test_a_page_that_cannot_be_written_is_told(comity: Comity, tmp_path: Path) -> None:
    told = comity("matrix", BOARD, "--html", str(tmp_path / "nowhere" / "matrix.html"))
    assert (told.code, "No such file" in told.err) == (1, True)


def test_history_shows_the_revision_of_the_rules(comity: Comity, tmp_path: Path) -> None:
    revised = copy(board)
    revised.rules_revision = "2027-03"
    with Domain.open(tmp_path / "journal", deciders=[revised]) as domain:
        one = domain.aggregate(revised, "a")
        one.do(AddCard(card="c1", number=1, title="Ship it"))
        one.do(AddCard(card="c2", number=2, title="Test it"), seen=0)
    shown = comity("history", tmp_path / "journal", "board/a").out
    assert shown.count("(rules 2027-03)") == 2
    lines = comity("history", tmp_path / "journal", "board/a", "--json").out.splitlines()
    assert [json.loads(line)["rules_revision"] for line in lines] == ["2027-03"] * 2


def test_stats_count(comity: Comity, journal: Path) -> None:
    assert re.search(r"events +18 ", comity("stats", journal).out)
    counts = json.loads(comity("stats", journal, "--json").out)
    assert (counts["position"], counts["types"]["board"]["aggregates"]) == (18, 2)
    assert sum(kind["events"] for kind in counts["kinds"]) == 18


def test_stats_name_the_kinds_of_events(comity: Comity, tmp_path: Path) -> None:
    def stored(number: int, schema: int) -> StoredEvent:
        return StoredEvent("CardAdded", schema, {"card": f"c{number}"})

    path, board = tmp_path / "journal", AggregateId("board", "a")
    events = tuple(stored(number, 1 + number // 3) for number in range(5))
    journal = LmdbJournal.open(path)
    journal.append([Turn.of(board, 0, [Entry("x", events, 0, None)])])
    journal.close()
    assert re.search(r"3 +1 +CardAdded\n.* 2 +2 +CardAdded\n", comity("stats", path).out)
    assert json.loads(comity("stats", path, "--json").out)["kinds"][1] == {
        "type": "board", "event": "CardAdded", "schema_version": 2, "readable_from": None,
        "events": 2,
    }  # fmt: skip


def test_a_module_of_the_current_directory_is_found(
    comity: Comity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_boards.py").write_text("from examples.board.domain import board as mine\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert comity("matrix", "my_boards:mine").code == 0


# What it must stand.


@pytest.mark.parametrize(
    "words",
    [
        ["stats"],
        ["history", f"board/{HOSTILE}"],
        ["history", f"board/{HOSTILE}", "--decider", BOARD],
        ["history", f"board/{HOSTILE}", "--json"],
        ["state", f"board/{HOSTILE}", "--decider", BOARD],
        ["state", f"board/{HOSTILE}", "--decider", BOARD, "--json"],
    ],
)
@pytest.mark.parametrize("terminal", [False, True])
def test_data_cannot_drive_the_terminal(
    comity: Comity,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    *,
    terminal: bool,
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    code, out, err = comity(words[0], journal, *words[1:])
    assert (code, err) == (0, "")
    assert shows_safely(out, something=words != ["stats"])


def test_an_error_cannot_drive_the_terminal(comity: Comity, journal: Path) -> None:
    _, _, err = comity("history", journal, f"board/{HOSTILE}?")
    assert err.count("\n") == 1
    assert "\x1b" not in err
    assert "[red]vil" in err


def test_a_long_value_is_cut_for_people_only(comity: Comity, journal: Path) -> None:
    assert "(1,502" in comity("history", journal, f"board/{HOSTILE}").out
    assert "x" * 1500 in comity("history", journal, f"board/{HOSTILE}", "--json").out


def test_into_a_pipe_nothing_is_wrapped(
    comity: Comity, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS")
    out = comity("history", journal, "board/sprint-42").out
    assert len(out.splitlines()) == 2 + 15 + 3  # a title, the events, the reports


def test_it_works_beside_a_running_host(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "team.db", deciders=[board]) as domain:
        sprint = domain.aggregate(board, "sprint-42")
        for number in (1, 2):
            sprint.send(AddCard(card=f"c{number}", number=number, title="Pay")).result(60)
            seen = subprocess.run(
                [sys.executable, "-m", "comity.cli", "history", "team.db", "board/sprint-42"],
                cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True,
            )  # fmt: skip
            assert seen.stdout.count("CardAdded") == number


def test_a_reader_that_has_seen_enough_is_no_error(journal: Path) -> None:
    command = f"{sys.executable} -m comity.cli history {journal} board/sprint-42 --json | head -1"
    ended = subprocess.run(  # noqa: S602 - a pipe is what this is about
        command, shell=True, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.stdout.count("\n"), ended.stderr) == (1, "")


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_who_writes_to_nobody_ends_as_a_closed_pipe_ends_others(
    journal: Path, how: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = ["-m", "comity.cli", "history", str(journal), "board/sprint-42", *how]
    ended = subprocess.run(
        [sys.executable, *words], stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("", 2, "which command?"),
        ("histroy", 2, "No such command 'histroy'"),
        ("stats --colour", 2, "No such option: --colour"),
        ("history team.db", 2, "Missing argument 'TYPE/KEY'"),
        ("history team.db board", 2, "expected an aggregate as TYPE/KEY"),
        ("history team.db Board/x", 2, "1 to 64 of a-z"),
        ("history team.db board/x --after -1", 2, "--after"),
        ("history team.db board/x --limit 0", 2, "--limit"),
        ("history nothing board/x", 1, "there is nothing at nothing"),
        ("history . board/x", 1, "is a directory without a journal"),
        ("history team.db/data.mdb board/x", 1, "is a file"),
        ("history junk board/x", 1, "junk"),
        ("stats nothing", 1, "there is nothing at nothing"),
        ("history team.db board/x", 1, "it has board/e[red]vil"),
        ("history team.db board/sprint-42 --after 16", 1, "is at version 15"),
        ("state team.db board/sprint-42", 2, "Missing option '--decider'"),
        (f"state team.db board/x --decider {BOARD}", 1, "no events of board/x"),
        (f"state team.db doc/x --decider {BOARD}", 2, "the decider's type, board"),
        (f"state team.db board/sprint-42 --decider {BOARD} --at 16", 1, "no version 16 yet"),
        (f"state team.db board/sprint-42 --decider {BOARD} --at x", 2, "--at"),
        ("matrix board", 2, "expected MODULE:NAME"),
        ("matrix :board", 2, "expected MODULE:NAME"),
        ("matrix .board:board", 2, "expected MODULE:NAME"),
        ("matrix nowhere.at.all:board", 2, "there is no module nowhere"),
        ("matrix examples.board.nowhere:board", 2, "no module examples.board.nowhere"),
        ("matrix examples.board.domain:boards", 2, "does not exist; its deciders are board"),
        ("matrix examples.board.domain:decide", 2, "is a function; its deciders are board"),
        ("matrix json:loads", 2, "it has no deciders"),
        ("matrix broken:board", 2, "importing broken raised ZeroDivisionError"),
        ("matrix leaves:board", 2, "importing leaves raised SystemExit"),
        ("state team.db board/sprint-42 --decider buggy:board", 1, "evolve raised KeyError"),
        ("state team.db board/sprint-42 --decider nasty:leaves", 1, "evolve raised SystemExit"),
        (
            "state team.db board/sprint-42 --decider nasty:mute",
            1,
            "Mute at version 1: (no text",
        ),
        (
            "state team.db board/sprint-42 --decider nasty:faceless",
            1,
            "Mute: (no text",
        ),
        ("state team.db board/sprint-42 --decider poor:board", 1, "stored_as"),
        ("history team.db board/sprint-42 --decider poor:board", 1, "stored_as"),
    ],
)
def test_what_is_wrong_is_said_on_one_line(
    comity: Comity, workshop: Path, words: str, code: int, said: str
) -> None:
    ran = comity(*shlex.split(words))
    assert ran.code == code
    assert ran.err.startswith("comity: ")
    assert ran.err.count("\n") == 1
    assert said in ran.err


NASTY = """
from collections.abc import Iterator
from comity.engine import Decider
from examples.board.domain import BoardEvent, RenameCard

class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError

class Faceless:
    def __repr__(self) -> str:
        raise Mute

def decide(state: object, command: RenameCard) -> Iterator[BoardEvent]:
    return iter(())

def leave(state: object, event: BoardEvent) -> object:
    raise SystemExit(0)

def say_nothing(state: object, event: BoardEvent) -> object:
    raise Mute

def hide(state: object, event: BoardEvent) -> object:
    return Faceless()

leaves = Decider("board", dict, decide, leave)
mute = Decider("board", dict, decide, say_nothing)
faceless = Decider("board", dict, decide, hide)
"""

POOR = """
from collections.abc import Iterator
from comity.engine import Command, Decider, Event
from examples.board.domain import BoardEvent, RenameCard, CardRenamed

def decide(state: dict[str, int], command: RenameCard) -> Iterator[CardRenamed]:
    return iter(())

def evolve(state: dict[str, int], event: CardRenamed) -> dict[str, int]:
    return {"count": state["count"] + 1}

board = Decider("board", dict, decide, evolve)
"""
BUGGY = POOR.replace("event: CardRenamed", "event: BoardEvent")


@pytest.fixture
def workshop(tmp_path: Path, journal: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current directory with the journal, a directory of junk, and modules that fail."""
    (tmp_path / "team.db").symlink_to(journal)
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "data.mdb").write_bytes(b"junk" * 5000)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)\n")
    (tmp_path / "poor.py").write_text(POOR)
    (tmp_path / "buggy.py").write_text(BUGGY)
    (tmp_path / "nasty.py").write_text(NASTY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in ("broken", "leaves", "poor", "buggy", "nasty"):
        sys.modules.pop(name, None)


def test_ctrl_c_while_it_starts_ends_it_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    ended = subprocess.run(
        [sys.executable, "-m", "comity.cli", "stats"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError(name='typer')\n")
    ended = subprocess.run(
        [sys.executable, "-m", "comity.cli", "stats"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr == (
        'comity: the command line needs typer and rich: pip install "comity[cli]"\n'
    )


# The page.


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_something(comity: Comity, name: str) -> None:
    code, out, err = comity(name, "--help")
    assert (code, err) == (0, "")
    assert len(out) > 200
    assert "<type[" not in out
    assert "<comity" not in out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_paragraphs_of_help_have_no_line_breaks_of_their_own(name: str) -> None:
    here = COMMANDS[name]
    for one in cast("Mapping[str, Any]", getattr(here, "commands", {name: here})).values():
        assert "\n" not in one.help.replace("\n\n", "")


def test_help_of_watch_names_no_figures_since_they_cannot_be_watched(comity: Comity) -> None:
    assert "TABLE|INDEX" in comity("watch", "--help").out
    assert "FIGURES" not in comity("watch", "--help").out


def test_the_page_has_exactly_the_commands_that_there_are() -> None:
    assert re.findall(r"^## comity (\w+)$", PAGE, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_on_the_page(name: str) -> None:
    section = PAGE.split(f"\n## comity {name}\n")[1].split("\n## ")[0]
    here = COMMANDS[name]
    below = cast("Mapping[str, Any]", getattr(here, "commands", {name: here}))
    params = [param for command in below.values() for param in command.params]
    options = {option for param in params for option in param.opts if "--" in option}
    assert set(re.findall(r"^\| `(--[\w-]+)", section, re.MULTILINE)) == options


BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = [
    (line, shown)
    for block in BLOCKS
    for line, shown in re.findall(r"^\$ (comity [^|\n]*)\n((?:[^$].*\n|\n)+)", block, re.MULTILINE)
]


ELSEWHERE = ("comity watch", "desk.db")
"""The first does not end; the second needs a recorded history, which is not in the repository."""


@pytest.mark.parametrize(
    ("line", "shown"), [one for one in EXAMPLES if not any(map(one[0].count, ELSEWHERE))]
)
def test_the_page_shows_what_is_printed(
    comity: Comity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with Domain.open("story.db", deciders=[board]) as domain:
        tell(domain)
        if "parked" in line:
            bob = domain.session("bob").aggregate(board, "sprint-42")
            bob.look()
            bob.send(AddCard(card="long" * 200, number=8, title="Long")).result(60)
            bob.send(Comment(card="c1", comment="b2", text="Well")).result(60)
    if "tasks.db" in line:
        give_tasks(tmp_path / "tasks.db")
    if "model" in line:
        comity("rebuild", "story.db", CARDS)
    if "restore" in line:
        comity("backup", "story.db", "story.backup")
    if "import" in line:
        comity("export", "story.db", "-o", "story.jsonl.gz")
    ran = comity(*shlex.split(line)[1:])
    printed = ran.out or ran.err  # an export may be what is on stdout
    assert _lasting(printed, line) == _lasting(shown, line)


class Mails(Outlet[TaskGiven]):
    """Tells people of their tasks."""

    start = "beginning"
    tries = 1

    def key(self, event: TaskGiven, at: Recorded[TaskGiven]) -> str:
        """Each person is told in order."""
        return event.to

    def deliver(self, event: TaskGiven, at: Delivery[TaskGiven]) -> None:
        """Tell all but cem."""
        if event.to == "cem":
            raise ValueError("no mailbox")


def give_tasks(path: Path) -> None:
    """Give three tasks with deadlines, of which one is finished."""
    days, began = timedelta(days=1), datetime.now(UTC)
    given: list[GiveTask | FinishTask] = [
        GiveTask(task=task, to=who, due=began + due * days)
        for task, who, due in (("taxes", "ann", 2), ("slides", "bob", 3), ("minutes", "cem", 5))
    ]
    with Domain.open(path, deciders=[tasks], processes=[reminder], outlets=[Mails()]) as domain:
        for command in (*given, FinishTask(task="slides")):
            domain.session("lea").aggregate(tasks, "office").do(command)
            until = time.monotonic() + 60
            while not _is_settled(domain):
                assert time.monotonic() < until
                time.sleep(0.01)


def _is_settled(domain: Domain) -> bool:
    (process,), (outlet,) = domain.processes(), domain.outlets()
    return process.lag_events == process.unheard == outlet.lag_events == 0


def _lasting(text: str, line: str) -> str:
    """What was printed, without what is different each time."""
    if "parked" in line:  # why is said by the library, and not here
        heads = text.index("WHY")
        return "".join(one[:heads].rstrip() for one in text.splitlines())
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+Z)?", "a time", text)
    text = re.sub(r"\d+ h \d+ min|due=\d+", "a while", text)
    text = re.sub(r"(?<=a while) +|(?<=DUE) +|(?<=a time  in) +", " ", text)
    text = re.sub(r" +[\d.]+ kB", " a size", text)
    text = re.sub(r"another branch, \w+", "another branch", text)
    text = re.sub(r"in [\d.]+ s(?:, [\d,]+ a second)?", "in a moment", text)
    text = re.sub(r"the last [\d.]+ s", "the last moment", text)
    text = re.sub(r" +SIZE", " SIZE", text)
    text = re.sub(r"^[\d.]+ kB copied", "a size copied", text, flags=re.MULTILINE)
    return re.sub(r"(?m)^size .*$", "size", text)


def test_the_page_shows_what_watching_prints(tmp_path: Path) -> None:
    (found,) = [one for one in EXAMPLES if "comity watch" in one[0]]
    line, shown = found
    with Domain.open(tmp_path / "story.db", deciders=[board], read_models=[Cards]) as domain:
        tell(domain)
        watching = subprocess.Popen(
            [sys.executable, "-m", *shlex.split(line.replace("comity", "comity.cli", 1))],
            cwd=tmp_path, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "1000"},
        )  # fmt: skip
        assert watching.stdout is not None
        seen = [watching.stdout.readline()]
        bob = domain.session("bob").aggregate(board, "sprint-42")
        bob.send(RenameCard(card="c2", title="Sign up"), seen=15).result(60)
        seen.append(watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=30)
    assert "".join(seen) == shown
