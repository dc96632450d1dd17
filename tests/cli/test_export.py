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
    gone = f"{comity} import - {tmp_path / 'other.db'} <&-"
    done = bash(gone)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def bash(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash."""
    words = ["/bin/bash", "-c", line]
    return subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True)
