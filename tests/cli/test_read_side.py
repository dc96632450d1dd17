"""What read models hold, as it is typed: how they stand, queries, watching."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from examples.board.__main__ import tell
from examples.board.domain import AddCard, AssignCard, RenameCard, Upvote, board
from tests.cli.boards import POISON, BoardCards, Fussy, Kinds, Strict
from tests.cli.shell import HOSTILE, Comity, Host, shows_safely

from comity.actors import Domain
from comity.engine import formats
from comity.engine.runtime.system import now
from comity.readmodels.generations.build_mark import BuildMark, mark_build
from comity.readmodels.generations.model_folder import ModelFolder

CARDS = "tests.cli.boards:BoardCards"
KINDS = "tests.cli.boards:Kinds"
OpenHost = Callable[..., Host]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A story, hostile data, and a board that is parked; its domain is closed."""
    path = tmp_path_factory.mktemp("story") / "team.db"
    with Domain.open(path, deciders=[board], read_models=[BoardCards, Fussy, Kinds]) as domain:
        tell(domain)
        evil = domain.session(HOSTILE).aggregate(board, HOSTILE)
        evil.look()
        evil.send(AddCard(card=HOSTILE, number=1, title=HOSTILE)).result(60)
        evil.send(AssignCard(card=HOSTILE, assignee=HOSTILE)).result(60)
        evil.send(Upvote(card=HOSTILE)).result(60)
        receipt = evil.send(RenameCard(card=HOSTILE, title=f"{POISON} {HOSTILE}")).result(60)
        for model in (BoardCards, Fussy, Kinds):
            domain.reached(model, receipt, timeout=20).result(20)
    return path


@pytest.fixture
def copy(journal: Path, tmp_path: Path) -> Path:
    """One to spoil."""
    return Path(shutil.copytree(journal, tmp_path / "team.db", symlinks=True))


# How models stand.


def standing(comity: Comity, path: Path, name: str) -> dict[str, object]:
    lines = map(json.loads, comity("models", path, "--json").out.splitlines())
    return next(line for line in lines if line["model"] == name)


def test_models_tell_how_each_stands(comity: Comity, journal: Path) -> None:
    out = comity("models", journal).out
    line = r"^BoardCards  g000001           19       0     8 .* following$"
    assert re.search(line, out, re.MULTILINE)
    assert re.search(r"^Fussy .* following; 1 parked$", out, re.MULTILINE)
    assert standing(comity, journal, "Fussy") == {
        "model": "Fussy", "state": "following", "why": "", "generation": "g000001",
        "position": 19, "lag_events": 0, "lag_seconds": 0.0, "rows": {"cards": 8},
        "size": (journal / "models" / "Fussy" / "g000001" / "data.mdb").stat().st_size,
        "parked": 1, "oldest_snapshot": 0, "building": [], "leader": None,
    }  # fmt: skip


def test_a_model_that_nobody_keeps_up_to_date_is_behind(comity: Comity, copy: Path) -> None:
    with Domain.open(copy, deciders=[board]) as domain:
        domain.aggregate(board, "b").send(AddCard(card="c", number=1, title="Pay")).result(60)
    stands = standing(comity, copy, "BoardCards")
    assert stands["lag_events"] == 1
    assert isinstance(stands["lag_seconds"], float)
    assert stands["lag_seconds"] > 0


def test_a_model_that_has_stopped_says_where_and_why(
    comity: Comity, copy: Path, host: OpenHost
) -> None:
    domain = host(copy, "Strict")
    domain.tell("add b c Pay")
    shown = ""
    while "stopped at" not in shown:
        shown = comity("models", copy).out
    flat = " ".join(shown.split())
    assert "stopped at position 19, CardRenamed of board/e[red]vil" in flat
    assert standing(comity, copy, "Strict")["state"] == "stopped"


def test_a_model_that_a_power_cut_has_torn_is_not_opened(comity: Comity, copy: Path) -> None:
    (copy / "models" / "Kinds" / "g000001" / "power").write_text("open since another start")
    stands = standing(comity, copy, "Kinds")
    assert (stands["state"], stands["position"]) == ("not sound", None)
    assert "was not flushed before a power cut" in str(stands["why"])


def test_a_model_of_another_format_is_not_damaged(comity: Comity, copy: Path) -> None:
    folder = ModelFolder(copy / "models" / "Kinds")
    folder.swap(folder.create(Kinds.schema.described._replace(format=formats.MODEL + 1)))
    stands = standing(comity, copy, "Kinds")
    assert (stands["state"], stands["position"]) == ("other format", None)
    assert f"has format {formats.MODEL + 1}" in str(stands["why"])


def test_a_model_that_is_damaged_does_not_hide_the_others(comity: Comity, copy: Path) -> None:
    data = copy / "models" / "BoardCards" / "g000001" / "data.mdb"
    data.write_bytes(b"junk" * (data.stat().st_size // 4))
    assert standing(comity, copy, "BoardCards")["state"] == "damaged"
    assert standing(comity, copy, "Fussy")["state"] == "following"


def test_a_model_that_is_being_built_says_how_far_it_is(comity: Comity, copy: Path) -> None:
    folder = ModelFolder(copy / "models" / "Strict")
    folder.make()
    folder.swap(folder.create(Strict.schema.described))
    assert standing(comity, copy, "Strict")["state"] == "building"
    kinds = ModelFolder(copy / "models" / "Kinds")
    new = kinds.create(Kinds.schema.described)
    assert standing(comity, copy, "Kinds")["building"] == [
        {
            "generation": "g000002", "position": 0, "end": 19, "events_per_second": None,
            "seconds_left": None,
        }
    ]  # fmt: skip
    assert "being built: 0%\n" in comity("models", copy).out
    mark_build(new, BuildMark(position=9, end=19, events_per_second=4.0, microseconds=now()))
    assert standing(comity, copy, "Kinds")["building"] == [
        {
            "generation": "g000002", "position": 9, "end": 19, "events_per_second": 4.0,
            "seconds_left": 2.5,
        }
    ]  # fmt: skip
    shown = " ".join(comity("models", copy).out.split())
    assert "g000002 9 being built: 47%, 4 a second, 2 s left" in shown
    old = now() - 60_000_000
    mark_build(new, BuildMark(position=9, end=19, events_per_second=4.0, microseconds=old))
    assert "being built: 0%\n" in comity("models", copy).out, "nobody is at it"


def test_a_folder_without_a_model_is_shown(comity: Comity, copy: Path) -> None:
    (copy / "models" / "Nothing").mkdir()
    (copy / "models" / "Nothing" / "writer.lock").touch()
    assert "empty: not built yet" in comity("models", copy).out


def test_a_folder_of_others_is_no_model(comity: Comity, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "Foreign").mkdir()
    (tmp_path / "Foreign" / "README").touch()
    assert comity("models", copy, "--models", tmp_path, "--json").out == ""
    assert (
        "there are no models: open the domain" in comity("models", copy, "--models", tmp_path).out
    )


def test_a_journal_without_models_says_how_to_have_them(comity: Comity, copy: Path) -> None:
    shutil.rmtree(copy / "models")
    for words in (["models"], ["query", CARDS], ["watch", CARDS]):
        ran = comity(words[0], copy, *words[1:], *(["cards"] if words[1:] else []))
        assert ran.code == 1
        assert "open the domain with read_models=[...], or run comity rebuild" in ran.err


def test_what_is_not_called_like_a_model_is_not_taken_for_one(comity: Comity, copy: Path) -> None:
    (copy / "models" / HOSTILE).mkdir()
    out = comity("models", copy).out
    assert shows_safely(out, something=False)
    assert "[red]vil" not in out


def test_a_snapshot_that_is_held_is_shown(comity: Comity, copy: Path, host: OpenHost) -> None:
    domain = host(copy, "BoardCards")
    domain.tell("hold BoardCards")
    domain.tell("add b c Pay")
    domain.tell("add b d Pay")
    while standing(comity, copy, "BoardCards")["position"] != 21:
        pass
    assert standing(comity, copy, "BoardCards")["oldest_snapshot"] in {1, 2}
    shown = " ".join(comity("models", copy).out.split())
    assert re.search(r"following; a snapshot of \d commits ago is held", shown)


def test_models_may_be_elsewhere(comity: Comity, copy: Path, tmp_path: Path) -> None:
    (copy / "models").rename(tmp_path / "elsewhere")
    assert comity("models", copy).code == 1
    assert "BoardCards" in comity("models", copy, "--models", tmp_path / "elsewhere").out
    code, out, _ = comity("query", copy, CARDS, "--count", "--models", tmp_path / "elsewhere")
    assert (code, out) == (0, "8\n")


# Queries.


def asked(comity: Comity, journal: Path, *words: str) -> list[str]:
    """The cards that are found, or the numbers where they have no card."""
    ran = comity("query", journal, *words, "--json")
    assert (ran.code, ran.err) == (0, "")
    rows = json.loads(ran.out)["rows"]
    return [str(row.get("card", row.get("number"))) for row in rows if row.get("board") != HOSTILE]


@pytest.mark.parametrize(
    ("words", "cards"),
    [
        ("", "c1 c2 c3 c4 c5 c6 c7"),
        ("cards", "c1 c2 c3 c4 c5 c6 c7"),
        ("cards sprint-42", "c1 c2 c3 c4 c5 c6 c7"),
        ("cards sprint-42 c2", "c2"),
        ("cards sprint-42 c9", ""),
        ("cards nowhere", ""),
        ("cards --prefix sprint", "c1 c2 c3 c4 c5 c6 c7"),
        ("cards sprint-42 --prefix c7", "c7"),
        ("cards sprint-42 --from c3 --before c5", "c3 c4"),
        ("cards sprint-42 --from c6", "c6 c7"),
        ("cards sprint-42 --before c2", "c1"),
        ("cards sprint-42 --from c6 --before c2", ""),
        ("cards sprint-42 --prefix c --from c6", "c6 c7"),
        ("cards sprint-42 --limit 2", "c1 c2"),
        ("cards sprint-42 --limit 2 --reverse", "c7 c6"),
        ("cards --where board=sprint-42", "c1 c2 c3 c4 c5 c6 c7"),
        ("cards --where board=sprint-42 --where card=c3", "c3"),
        ("cards --where board=sprint-42 --where column=doing", "c4 c3 c2"),
        ("--where column=doing --scan", "c2 c3 c4"),
        ("--where assignee= --where column=doing --scan", "c2 c3 c4"),
        ("cards sprint-42 --from c3 --where column=doing --scan", "c3 c4"),
        ("by_column sprint-42 doing", "c4 c3 c2"),
        ("by_column sprint-42 doing 3", "c3"),
        ("by_column sprint-42 doing --from 3", "c3 c2"),
        ("by_column sprint-42 doing --before 3", "c4"),
        ("by_voter ann", "c5"),
        ("by_voter --prefix b", "c5"),
        ("by_number sprint-42 4", "c4"),
    ],
)
def test_a_query_finds_rows(comity: Comity, journal: Path, words: str, cards: str) -> None:
    assert asked(comity, journal, CARDS, *words.split()) == cards.split()


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("rows 3", "3"),
        ("rows --from 3 --before 5", "3 4"),
        ("by_colour blue", "5 3 7 1"),
        ("by_colour red --prefix S", "4 2"),
        ("by_when 2026-01-03T12:00:00Z", "3"),
        ("by_when --from 2026-01-06T00:00:00+00:00", "6 7"),
        ("by_day true --from 2026-01-03", "3 1"),
        ("by_id 00000000-0000-0000-0000-000000000002", "2"),
        ("by_weight 0.5", "2"),
        ("by_data 03", "3"),
        ("by_maybe 2", "2"),
        ("by_word celebrate", "5"),
        ("by_word --prefix s", "4 2"),
        ("by_rest 2", "2 5"),
        ("by_pair pay", "3"),
        ("by_pair pay 3", "3"),
        ("by_nothing x", ""),
        ("by_nothing 5", ""),
        ("by_nothing a b", ""),
        ("falling 6", "3"),
        ("falling --from 4", "2 1"),
        ("rows --where number=2", "2"),
        ("rows --where colour=red --where odd=false --scan", "2 4 6"),
        ("rows --where maybe= --scan", "1"),
    ],
)
def test_keys_are_read_by_the_types_of_their_fields_or_like_the_first_key(
    comity: Comity, journal: Path, words: str, numbers: str
) -> None:
    found = asked(comity, journal, KINDS, *words.split())
    assert [one for one in found if one] == numbers.split()


def test_pages_follow_each_other(comity: Comity, journal: Path) -> None:
    first = json.loads(comity("query", journal, CARDS, "--limit", "3", "--json").out)
    words = ["query", journal, CARDS, "--limit", "3", "--after", first["next"], "--json"]
    second = json.loads(comity(*words).out)
    cards = [row["card"] for row in first["rows"] + second["rows"]]
    assert len(set(cards)) == 6
    out = comity("query", journal, CARDS, "--limit", "3").out
    assert out.endswith(f"\nmore: --after {first['next']}\n")


def test_a_query_may_only_count_or_explain(comity: Comity, journal: Path) -> None:
    assert comity("query", journal, CARDS, "by_column", "sprint-42", "--count").out == "7\n"
    counted = comity("query", journal, CARDS, "by_voter", "ann", "--count", "--json").out
    assert json.loads(counted) == {"count": 1, "position": 19}
    words = ["query", journal, CARDS, "--where", "board=x", "--where", "column=y", "--explain"]
    assert comity(*words).out == (
        "index by_column, board = 'x', column = 'y', in order, "
        "then the row of each entry from cards\n"
    )
    assert json.loads(comity(*words, "--json").out)["served_by"] == "by_column"


def test_rows_stand_in_columns_where_they_fit(comity: Comity, journal: Path) -> None:
    out = comity("query", journal, CARDS, "cards", "sprint-42", "--into", "card,title").out
    assert "\nCARD  TITLE\nc1    Log in with a passkey\n" in out
    wide = comity("query", journal, CARDS, "cards", "sprint-42").out
    assert "\n-  board='sprint-42' card='c1' number=1 title='Log in with a passkey'\n" in wide
    one = comity("query", journal, CARDS, "cards", "sprint-42", "c1").out
    assert "\nassignee: None\nvoters: []\n" in one
    none = comity("query", journal, CARDS, "cards", "sprint-42", "c9").out
    assert none == "BoardCards.cards at position 19, at ('sprint-42', 'c9'): no rows\n"


def test_figures_are_shown_with_the_greatest_first(comity: Comity, journal: Path) -> None:
    out = comity("query", journal, CARDS, "per_column").out
    assert out.endswith("\n5  todo\n3  doing\n")
    assert comity("query", journal, CARDS, "per_column", "--limit", "1").out.endswith("\n5  todo\n")
    assert comity("query", journal, CARDS, "weights", "doing").out.endswith("2.25  doing\n")
    told = json.loads(comity("query", journal, KINDS, "per_colour", "red", "false", "--json").out)
    assert told["figures"] == [{"group": ["red", False], "number": 3}]
    told = json.loads(comity("query", journal, KINDS, "per_rest", "--json").out)
    assert told["figures"][0] == {"group": 1, "number": 4}


@pytest.mark.parametrize(
    "words",
    [
        ["query", CARDS],
        ["query", CARDS, "--json"],
        ["query", CARDS, "cards", HOSTILE, HOSTILE],
        ["query", CARDS, "cards", HOSTILE, "--into", "board,title"],
        ["query", CARDS, "by_assignee", "--prefix", "e"],
        ["query", CARDS, "by_voter", HOSTILE, "--explain"],
        ["query", CARDS, "votes"],
        ["query", CARDS, "votes", HOSTILE],
        ["query", CARDS, "votes", "--json"],
        ["parked", "list", "tests.cli.boards:Fussy"],
        ["parked", "list", "tests.cli.boards:Fussy", "--json"],
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
    place = 2 if words[0] == "parked" else 1
    code, out, err = comity(*words[:place], journal, *words[place:])
    assert (code, err) == (0, "")
    assert shows_safely(out)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("models nothing", 1, "there is nothing at nothing; give the directory"),
        ("query nothing M", 1, "there is nothing at nothing; give the directory"),
        ("query team.db tests.cli.boards:Strict", 1, "has no model Strict; it has BoardCards"),
        ("query team.db tests.cli.boards:Wider", 1, "built by a program with other columns"),
        ("query team.db cards", 2, "expected MODULE:NAME, such as examples.board.read_models"),
        ("query team.db tests.cli.boards:CardRow", 2, "its read models are BoardCards, Strict"),
        ("query team.db json:loads", 2, "it has no read models"),
        ("query team.db M nothing", 2, "there is no 'nothing': BoardCards has cards, by_assign"),
        ("query team.db M cards a b c", 2, "cards has 2 parts (board, card), got 3 words"),
        ("query team.db M by_voter a b", 2, "by_voter has 1 part (part 1), got 2 words"),
        ("query team.db M by_number b x", 2, "number: Input should be a valid integer"),
        ("query team.db M cards a b --from c", 2, "type fewer parts"),
        ("query team.db M by_number b --prefix 1", 2, "--prefix needs a text part"),
        ("query team.db M --where column=todo", 2, "(here: --scan)"),
        ("query team.db M --where colour=todo", 2, "expected field=value with a field of board"),
        ("query team.db M --where column", 2, "expected field=value"),
        ("query team.db M --where number=x --scan", 2, "--where number: Input should be"),
        ("query team.db M cards b --where column=todo", 2, "--where chooses the index itself"),
        ("query team.db M by_voter --where column=todo", 2, "--where chooses the index itself"),
        ("query team.db M --scan", 2, "--scan looks at every row: say what to look for"),
        ("query team.db M --limit 0", 2, "--limit"),
        ("query team.db M --after x", 2, "--after: 'x' is not a cursor"),
        ("query team.db M --into title,colour", 2, "there is no column 'colour'"),
        ("query team.db M votes --count", 2, "votes has figures"),
        ("query team.db M votes --from x", 2, "votes has figures"),
        ("query team.db K per_colour red", 2, "a group of per_colour has 2 parts, got 1"),
        ("query team.db K by_data xyz", 2, "data: expected bytes as hexadecimal"),
        ("query team.db K by_when 2026-01-01T00:00:00", 2, "with a time zone"),
        ("query team.db K by_colour green", 2, "colour: Input should be 'red' or 'blue'"),
        ("watch team.db M votes", 2, "votes has figures: watch a table or an index"),
        ("watch team.db M cards a b c", 2, "got 3 words"),
        ("watch team.db tests.cli.boards:Wider", 1, "built by a program with other columns"),
    ],
)
def test_what_is_wrong_is_said_on_one_line(
    comity: Comity,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "team.db").symlink_to(journal)
    typed = [{"M": CARDS, "K": KINDS}.get(word, word) for word in shlex.split(words)]
    ran = comity(*typed)
    assert said in ran.err
    assert ran.code == code
    assert ran.err.startswith("comity: ")
    assert ran.err.count("\n") == 1


def test_a_model_that_is_not_whole_yet_is_read_only_if_that_is_all_right(
    comity: Comity, copy: Path
) -> None:
    folder = ModelFolder(copy / "models" / "Strict")
    folder.make()
    strict = "tests.cli.boards:Strict"
    assert "Strict is not built yet" in comity("query", copy, strict).err
    folder.swap(folder.create(Strict.schema.described))
    ran = comity("query", copy, strict)
    assert (ran.code, "Strict is being built" in ran.err) == (1, True)
    assert comity("query", copy, strict, "--count", "--stale").out == "0\n"


# Beside a running domain.


def test_a_query_beside_a_running_domain_sees_what_it_has(
    comity: Comity, tmp_path: Path, host: OpenHost
) -> None:
    path = tmp_path / "team.db"
    domain = host(path, "BoardCards")
    for number in (1, 2):
        domain.tell(f"add b c{number} Pay")
        while comity("query", path, CARDS, "--count").out != f"{number}\n":
            pass
    assert standing(comity, path, "BoardCards")["state"] == "following"


@pytest.mark.parametrize("as_json", [False, True])
def test_watching_shows_rows_and_then_each_change(
    tmp_path: Path, host: OpenHost, *, as_json: bool
) -> None:
    path = tmp_path / "team.db"
    domain = host(path, "BoardCards")
    domain.tell("add b c1 Pay")
    domain.tell("add other c1 Pay")
    words = ["watch", str(path), CARDS, "cards", "b", *(["--json"] if as_json else [])]
    watching = subprocess.Popen(
        [sys.executable, "-m", "comity.cli", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd(),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"},
    )  # fmt: skip
    assert watching.stdout is not None
    seen = [watching.stdout.readline()]
    domain.tell("rename b c1 Ship")
    domain.tell("rename other c1 Ship")
    seen.append(watching.stdout.readline())
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=30)
    assert (watching.returncode, out, err) == (0, "", "")
    if as_json:
        kinds = [(json.loads(line)["kind"], json.loads(line)["row"]["title"]) for line in seen]
        assert kinds == [("present", "Pay"), ("put", "Ship")]
    else:
        assert seen[0].startswith("      2  present  board='b' card='c1' number=1 title='Pay'")
        assert re.match(r"      [34]  put      board='b' card='c1' number=1 title='Ship'", seen[1])
