"""`comity aggregates` and `comity events`, as they are typed, on boards at known times."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Timer

import pytest
from tests.cli.shell import HOSTILE, Comity, shows_safely

from comity.engine import AggregateId, Outcome
from comity.engine.history.note import fold
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn

DAY = 86_400_000_000
NOON = 1_796_040_000_000_000
"""2026-11-30 12:00 in UTC, in microseconds since 1970."""
IDS = count()


def append(journal: LmdbJournal, name: str, time: int, who: str = "ann", event: str = "") -> None:
    """Append a turn with one event, or without one a refused command."""
    aggregate = AggregateId(*name.split("/", 1))
    note = fold(who, f"{who}-1", None, "Rename", None, Outcome.APPLIED, {})
    if not event:
        why = "the board is full"
        note = fold(
            who, f"{who}-1", None, "Rename", None, Outcome.REJECTED, {}, refusal=("full", why, {})
        )
    events = (StoredEvent(event, 1, {"title": "t"}),) if event else ()
    entry = Entry(f"id-{next(IDS)}", events, time, note)
    journal.append([Turn.of(aggregate, journal.version(aggregate), [entry])])


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of five days: at each noon an event of ann's; and one refusal of bob's."""
    path = tmp_path_factory.mktemp("boards") / "team.db"
    journal = LmdbJournal.open(path)
    for day, name in enumerate(("board/a", "board/ab", "task/1", "board/a", "board/b")):
        append(journal, name, NOON + day * DAY, event="Renamed" if day < 4 else "Moved")
    append(journal, "board/c", NOON + 4 * DAY + 1, who="bob")
    journal.close()
    return path


def lines(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def positions(out: str) -> list[object]:
    return [line["position"] for line in lines(out)]


# --- aggregates ---


def test_aggregates_are_listed_by_type_and_key_with_their_times(
    comity: Comity, boards: Path
) -> None:
    assert comity("aggregates", boards).out.splitlines() == [
        "VERSION  CHANGED (UTC)        AGGREGATE",
        "      2  2026-12-03 12:00:00  board/a",
        "      1  2026-12-01 12:00:00  board/ab",
        "      1  2026-12-04 12:00:00  board/b",
        "      1  2026-12-02 12:00:00  task/1",
    ]


def test_an_aggregate_is_one_line_of_json(comity: Comity, boards: Path) -> None:
    first, *_ = lines(comity("aggregates", boards, "board", "--json").out)
    assert first == {
        "type": "board", "key": "a", "version": 2, "changed": "2026-12-03T12:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("board", ["a", "ab", "b"]), ("board --prefix a", ["a", "ab"]), ("task", ["1"]),
        ("board --after a", ["ab", "b"]), ("board --after aa", ["ab", "b"]),
        ("board --prefix a --after a", ["ab"]), ("board --after z", []),
        ("board --limit 1", ["a"]), ("--after board/ab", ["b", "1"]), ("board --prefix b", ["b"]),
    ],
)  # fmt: skip
def test_aggregates_can_be_chosen(
    comity: Comity, boards: Path, words: str, keys: list[str]
) -> None:
    out = comity("aggregates", boards, *words.split(), "--json").out
    assert [line["key"] for line in lines(out)] == keys


def test_a_list_says_how_to_go_on(comity: Comity, boards: Path) -> None:
    out = comity("aggregates", boards, "board", "--limit", "1").out
    assert out.endswith("there are more: --after a\n")
    out = comity("aggregates", boards, "--limit", "2").out
    assert out.endswith("there are more: --after board/ab\n")
    assert "more" not in comity("aggregates", boards, "board", "--limit", "3").out


def test_by_default_twenty_are_shown_and_as_json_all(comity: Comity, tmp_path: Path) -> None:
    journal = LmdbJournal.open(tmp_path / "many.db")
    for number in range(25):
        append(journal, f"board/{number:02}", NOON, event="Renamed")
    journal.close()
    assert comity("aggregates", tmp_path / "many.db").out.count("board/") == 20 + 1
    assert len(lines(comity("aggregates", tmp_path / "many.db", "--json").out)) == 25


# --- events ---


def test_events_of_all_aggregates_are_shown_in_order(comity: Comity, boards: Path) -> None:
    assert comity("events", boards, "--last", "2").out.splitlines() == [
        "POSITION  TIME (UTC)           WHO  AGGREGATE  EVENT",
        "       4  2026-12-03 12:00:00  ann  board/a@2  Renamed title='t'",
        "       5  2026-12-04 12:00:00  ann  board/b@1  Moved title='t'",
    ]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("--since 2026-12-02", [3, 4, 5]),
        ("--since 2026-12-02T12:00", [3, 4, 5]),
        ("--since 2026-12-02T12:00:00.000001", [4, 5]),
        ("--since 2026-12-02T13:00+01:00", [3, 4, 5]),
        ("--until 2026-12-02T12:00", [1, 2]),
        ("--since 2026-12-01 --until 2026-12-03", [2, 3]),
        ("--since 2026-12-09", []),
        ("--after 3", [4, 5]),
        ("--after 5", []),
        ("--after 1 --since 2026-12-02 --limit 1", [3]),
        ("--type task", [3]),
        ("--type task --type board --limit 3", [1, 2, 3]),
        ("--who ann --name Moved", [5]),
        ("--who bob", []),
        ("--name Renamed --last 2", [3, 4]),
        ("--last 9", [1, 2, 3, 4, 5]),
    ],
)
def test_events_can_be_chosen(comity: Comity, boards: Path, words: str, found: list[int]) -> None:
    assert positions(comity("events", boards, *words.split(), "--json").out) == found


def test_refused_commands_are_shown_if_wanted(comity: Comity, boards: Path) -> None:
    shown = comity("events", boards, "--refused", "--last", "1").out
    assert "bob  board/c@0  Rename: rejected" in shown
    assert "the board is full" in shown
    (line,) = lines(comity("events", boards, "--refused", "--who", "bob", "--json").out)
    assert (line["event"], line["position"], line["refusal"]) == (None, 5, "the board is full")


def test_without_events_it_says_so(comity: Comity, boards: Path) -> None:
    assert comity("events", boards, "--since", "2026-12-09") == (0, "no events\n", "")


def test_a_time_may_be_how_long_ago(comity: Comity, tmp_path: Path) -> None:
    journal = LmdbJournal.open(tmp_path / "new.db")
    append(journal, "board/a", NOON - 9_000 * DAY, event="Old")
    append(journal, "board/a", NOON + 90_000 * DAY, event="New")
    journal.close()
    for ago in ("90s", "15m", "15min", "2h", "3d", "1w"):
        assert positions(comity("events", tmp_path / "new.db", "--since", ago, "--json").out) == [2]


def test_times_that_are_out_of_order_by_seconds_hide_nothing(
    comity: Comity, tmp_path: Path
) -> None:
    journal = LmdbJournal.open(tmp_path / "two.db")
    for second in (0, 50, 10, 40, 20, 90, 30, 200):
        append(journal, "board/a", NOON + second * 1_000_000, event="Renamed")
    journal.close()
    for second in (0, 15, 25, 35, 45, 60, 100):
        since = f"2026-11-30T12:0{second // 60}:{second % 60:02}"
        out = comity("events", tmp_path / "two.db", "--since", since, "--json").out
        expected = [n for n, s in enumerate((0, 50, 10, 40, 20, 90, 30, 200), 1) if s >= second]
        assert positions(out) == expected
        out = comity("events", tmp_path / "two.db", "--until", since, "--json").out
        assert positions(out) == [n for n in range(1, 9) if n not in expected]


# --- following ---


@contextmanager
def following(path: Path, *words: str) -> Generator[subprocess.Popen[str]]:
    """Run a command that follows a journal; it is killed if it does not end by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "comity.cli", words[0], str(path), *words[1:], "--follow"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    late = Timer(90, process.kill)  # then a line that is waited for is empty
    late.start()
    try:
        with process:
            yield process
    finally:
        late.cancel()


def test_events_are_followed_beside_their_writer(tmp_path: Path) -> None:
    journal = LmdbJournal.open(tmp_path / "live.db")
    append(journal, "board/a", NOON, event="Renamed")
    with following(tmp_path / "live.db", "events", "--json", "--limit", "3") as process:
        assert process.stdout is not None
        seen = [process.stdout.readline()]
        append(journal, "task/1", NOON, event="Renamed")
        seen.append(process.stdout.readline())
        append(journal, "task/2", NOON)  # refused, and not wanted
        append(journal, "task/1", NOON, event="Moved")
        seen.append(process.stdout.readline())
        assert process.wait(30) == 0
    journal.close()
    assert positions("".join(seen)) == [1, 2, 3]


@pytest.mark.parametrize("command", ["events --last 1", "history board/a --after 1"])
def test_ctrl_c_ends_following_well(tmp_path: Path, command: str) -> None:
    journal = LmdbJournal.open(tmp_path / "live.db")
    append(journal, "board/a", NOON, event="Renamed")
    append(journal, "board/a", NOON, event="Renamed")
    with following(tmp_path / "live.db", *command.split(), "--json") as process:
        assert process.stdout is not None
        seen = process.stdout.readline()
        append(journal, "board/a", NOON, event="Moved")
        seen += process.stdout.readline()
        process.send_signal(2)
        _, err = process.communicate(timeout=30)
    journal.close()
    assert positions(seen) == [2, 3]
    assert (process.returncode, err) == (0, "")


# --- wrong input ---


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("aggregates team.db bord", 1, "no aggregates of type bord; it has board, task"),
        ("aggregates team.db Board!", 2, "1 to 64 of a-z"),
        ("aggregates team.db --prefix a", 2, "--prefix needs a TYPE"),
        ("aggregates team.db --after a", 2, "expected an aggregate as TYPE/KEY"),
        ("aggregates team.db board --limit 0", 2, "--limit"),
        (f"aggregates team.db board --prefix {'x' * 201}", 2, "takes 201"),
        ("aggregates nothing", 1, "there is nothing at nothing"),
        ("events team.db --type bord", 1, "no aggregates of type bord"),
        ("events team.db --type ../x", 2, "1 to 64 of a-z"),
        ("events team.db --since yesterday", 2, "expected a time such as 2h"),
        ("events team.db --since 2026-13-01", 2, "expected a time"),
        ("events team.db --since 99999999w", 2, "expected a time"),
        ("events team.db --since -1h", 2, "expected a time"),
        ("events team.db --since 2026-12-02 --until 2026-12-01", 2, "is not after --since"),
        ("events team.db --follow --until 2026-12-01", 2, "leave out --until"),
        ("events team.db --last 1 --limit 1", 2, "leave out"),
        ("events team.db --last 0", 2, "--last"),
        ("events team.db --after 6", 1, "ends at 5"),
        ("events team.db --after -1", 2, "--after"),
        ("events nothing", 1, "there is nothing at nothing"),
    ],
)
def test_wrong_input_is_refused_in_one_line(
    comity: Comity, boards: Path, monkeypatch: pytest.MonkeyPatch, line: str, code: int, said: str
) -> None:
    monkeypatch.chdir(boards.parent)
    ran = comity(*line.split())
    assert (ran.code, ran.out) == (code, "")
    assert said in " ".join(ran.err.split())
    assert ran.err.count("\n") == 1


def test_hostile_names_drive_no_terminal(comity: Comity, tmp_path: Path) -> None:
    journal = LmdbJournal.open(tmp_path / "evil.db")
    append(journal, f"board/{HOSTILE}", NOON, HOSTILE, event=HOSTILE)
    append(journal, f"board/{HOSTILE}", NOON, HOSTILE)
    append(journal, "board/x", NOON, event="Renamed")
    journal.close()
    for words in (["aggregates"], ["aggregates", "board", "--limit", "1"], ["events", "--refused"]):
        ran = comity(words[0], tmp_path / "evil.db", *words[1:])
        assert shows_safely(ran.out)
        out = comity(words[0], tmp_path / "evil.db", *words[1:], "--json").out
        assert shows_safely(out)
        assert all(line["key"] in (HOSTILE, "x") for line in lines(out))
    assert shows_safely(comity("events", tmp_path / "evil.db", "--type", HOSTILE).err)
    assert shows_safely(comity("events", tmp_path / "evil.db", "--since", HOSTILE).err)


def test_what_stands_before_damage_is_shown(comity: Comity, tmp_path: Path) -> None:
    path = tmp_path / "torn.db"
    journal = LmdbJournal.open(path)
    for number in range(3):
        append(journal, f"board/{number}", NOON, event=f"Event{number}{'x' * 20}")
    journal.close()
    data = (path / "data.mdb").read_bytes()
    (path / "data.mdb").write_bytes(data.replace(b"Event2xxxx", b"Event2yyyy"))
    ran = comity("events", path)
    assert ran.code == 1
    assert re.search("not what was written|damaged", ran.err)
    assert "Event2y" not in ran.out
