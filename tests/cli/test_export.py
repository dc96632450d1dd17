"""`comity export` and `comity import`: what they print, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.shell import Comity
from tests.evolution.exported import numbered
from tests.evolution.migrations import write

ROOT = Path(__file__).parents[2]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    write(path)
    return path


def test_out_and_in_again(comity: Comity, old: Path, tmp_path: Path) -> None:
    file, new = tmp_path / "old.jsonl.gz", tmp_path / "new.db"
    code, out, err = comity("export", old, "-o", file)
    assert (code, out) == (0, "")
    assert f"20 records with 12 events in {file}, up to position 12" in err
    code, out, err = comity("import", file, new)
    assert (code, err) == (0, "")
    assert f"{new} is complete and verified: 20 records with 12 events" in out
    assert numbered(new) == numbered(old)


def test_it_writes_to_stdout(comity: Comity, old: Path) -> None:
    code, out, err = comity("export", old)
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert (lines[0]["comity"], lines[-1]["records"]) == ("export", 20)
    assert err.startswith("20 records with 12 events, up to position 12")


def test_json_says_what_was_done(comity: Comity, old: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    code, out, err = comity("export", old, "-o", file, "--type", "board", "--json")
    told = json.loads(err)
    assert (code, out) == (0, "")
    assert (told["records"], told["is_whole"], told["bytes"]) == (20, False, file.stat().st_size)
    comity("export", old, "-o", file, "--force")
    code, out, _ = comity("import", file, tmp_path / "new.db", "--json")
    told = json.loads(out)
    assert (told["complete"], told["records"], told["resumed"], told["gaps"]) == (True, 20, 0, 0)
    assert told["lineage"]["id"]


def test_a_part_says_so(comity: Comity, old: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    code, _, err = comity("export", old, "-o", file, "--until", "2020-01-01")
    assert code == 0
    assert "0 records" in err
    assert "only a part, of which no journal can be made" in err
    code, _, err = comity("import", file, tmp_path / "new.db")
    assert code == 1
    assert "has only a part of a journal (until 2020-01-01T00:00:00Z)" in err


def test_a_wrong_argument_is_2_and_a_problem_is_1(
    comity: Comity, old: Path, tmp_path: Path
) -> None:
    file, new = tmp_path / "old.jsonl", tmp_path / "new.db"
    assert comity("export", old, "--since", "soon").code == 2
    assert comity("export", old, "--type", "B!").code == 2
    assert comity("export", old, "--since", "2h", "--type", "board").code == 0
    code, _, err = comity("export", old, "--type", "bord")
    assert code == 1
    assert "the journal has no aggregates of type bord; it has " in err
    assert comity("export", old, "-o", old / "x").code == 2
    assert comity("export", tmp_path / "none.db").code == 1
    assert comity("import", tmp_path / "none", new).code == 1
    assert comity("import", file).code == 2
    assert comity("export", old, "-o", file).code == 0
    assert comity("export", old, "-o", file).code == 2
    assert comity("import", file, old).code == 1
    file.write_text("hello")
    code, _, err = comity("import", file, new)
    assert code == 1
    assert "is no export of a journal: it begins with b'hello'" in err
    assert not new.exists()


def test_pipes(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    script = "import sys; from comity.cli import main; sys.exit(main())"
    comity = f'{sys.executable} -c "{script}"'
    piped = f"{comity} export {old} | gzip | {comity} import - {new}; exit $?"
    done = bash(piped)
    assert done.returncode == 0, done.stderr
    assert numbered(new) == numbered(old)
    closed = f"{comity} export {old} | head -c 10 > /dev/null; exit ${{PIPESTATUS[0]}}"
    done = bash(closed)
    assert done.returncode in (0, 141)
    assert "Traceback" not in done.stderr


def test_a_closed_stdin(comity: Comity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = comity("import", "-", tmp_path / "new.db")
    assert (code, err) == (1, "comity: stdin is closed\n")


def bash(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash."""
    words = ["/bin/bash", "-c", line]
    return subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True)


# Tables, and events from elsewhere.


def test_a_table(comity: Comity, old: Path, tmp_path: Path) -> None:
    code, out, err = comity(
        "export", old, "--flat", "--as", "csv", "--fields", "card", "--fields", "number:int"
    )
    assert code == 0
    head, first, *_ = out.splitlines()
    assert head.endswith(",command_id,outcome,metadata,card,number")
    assert first.startswith("1,")
    assert first.endswith(",b1-1,applied,{},c1,1")
    assert err.startswith("12 events, up to position 12")
    file = tmp_path / "events.jsonl"
    code, _, err = comity(
        "export", old, "--flat", "-o", file, "--decider", "examples.board.domain:board", "--json"
    )
    assert (code, json.loads(err)["events"]) == (0, 12)
    assert json.loads(file.read_text().splitlines()[0])["fields"]["title"] == "Pay"


def test_tables_have_options_of_their_own(comity: Comity, old: Path, tmp_path: Path) -> None:
    assert comity("export", old, "--fields", "card").code == 2
    assert comity("export", old, "--flat", "--fields", "card:x").code == 2
    assert comity("export", old, "--flat", "--as", "xls").code == 2
    assert comity("export", old, "--flat", "-o", tmp_path / "table").code == 2
    code, _, err = comity("export", old, "--flat", "--fields", "title:int")
    assert code == 1
    assert "position 1, CardAdded: title is 'Pay', which is not of the kind int" in err


CSV = """board,card,title,at
sprint,c1,Pay,2020-01-01T00:00:00Z
sprint,c2,Ship,2020-01-01T00:00:01Z
"""
READ = "tests.cli.rows:card"
BOARD = "examples.board.domain:board"


def test_events_from_elsewhere(comity: Comity, tmp_path: Path) -> None:
    file, new = tmp_path / "cards.csv", tmp_path / "new.db"
    file.write_text(CSV)
    code, out, err = comity("import", file, new, "--with", READ, "--decider", BOARD)
    assert (code, err) == (0, "")
    assert f"2 rows read, 2 commands with 2 events added to {new}" in out
    code, out, _ = comity("import", file, new, "--with", READ, "--decider", BOARD, "--json")
    told = json.loads(out)
    assert (code, told["commands"], told["repeated"]) == (0, 0, 2)
    code, out, _ = comity("history", new, "board/sprint")
    assert "CardAdded" in out


def test_a_row_that_cannot_be_read_is_named(comity: Comity, tmp_path: Path) -> None:
    file, new = tmp_path / "cards.csv", tmp_path / "new.db"
    file.write_text(CSV.replace("c2,Ship", "c1,Ship"))
    code, _, err = comity("import", file, new, "--with", READ, "--decider", BOARD)
    assert code == 1
    assert "cards.csv, line 3: " in err
    assert comity("import", file, new, "--with", READ).code == 2
    assert comity("import", file, new, "--decider", BOARD).code == 2
    assert (
        comity("import", file, new, "--with", "tests.cli.rows:none", "--decider", BOARD).code == 2
    )
