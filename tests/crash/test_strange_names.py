"""Names, links and files that a stranger has left in a domain's folder.

Every file, folder and link of a domain that was used is made absent, empty, a folder, a fifo, a
link to somewhere else, somebody else's and so on, one at a time. Then it is opened in each way, by
a process of its own that is ended when it takes too long. It works, with all that was acknowledged,
or an error of the tree says what to do; and nobody else's things are touched.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from tests.crash import strange
from tests.crash.strange import HOW, OPENERS, OUTSIDE, NotApplicable, entries_of, picture, spoil

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "tests.crash.strange"]
PATIENCE = 60
"""Seconds after which an opening hangs: it takes one at most, beside two busy threads some more."""
REMEDY = ("move it", "restore a backup", "give it the right", "put a copy", "ask again", "anew")
"""One of these is in every text. `ask again` is for who reads: the domain says what is wrong."""


class Worker:
    """Opens spoiled domains in a process of its own, which a crash or a hang ends alone."""

    def __init__(self, template: Path) -> None:
        self._program = [*PROGRAM, "work", str(template), str(strange.NOBODY)]
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def open(self, path: Path, opener: str) -> dict[str, str]:
        """How that ended."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            threading.Thread(target=self._hear, args=[self._process], daemon=True).start()
        assert self._process.stdin is not None
        print(json.dumps([str(path), opener]), file=self._process.stdin, flush=True)
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            self.close()
            return {"end": "it hangs"}
        if line:
            return dict(json.loads(line))
        code = self._process.wait()
        self.close()
        return {"end": f"it ended the process, code {code}"}

    def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        self._lines = queue.Queue()
        if process is not None:
            assert process.stdin is not None
            process.kill()
            process.wait()
            process.stdin.close()

    def _hear(self, process: subprocess.Popen[str]) -> None:
        lines = self._lines
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.put(line)
        lines.put("")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that another user may enter, too."""
    with tempfile.TemporaryDirectory(prefix="comity-strange-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def closed(place: Path) -> Path:
    """A domain that was used and closed."""
    path = place / "closed"
    subprocess.run([*PROGRAM, "closed", str(path)], cwd=ROOT, check=True)
    return path


@pytest.fixture(scope="module")
def killed(place: Path) -> Path:
    """One that was killed in the middle of a rebuild, with more begun beside it."""
    path = place / "killed"
    ran = subprocess.run([*PROGRAM, "killed", str(path)], cwd=ROOT, check=False)
    assert ran.returncode == -signal.SIGKILL
    return path


def strangers(home: Path) -> dict[str, object]:
    """All that is a stranger's: what lies outside of the domain, and what is said to be."""
    inside = sorted(at.read_text() for at in (home / "domain").rglob("stranger*.txt"))
    return {"here": sorted(map(str, home.iterdir())), "inside": inside, **picture(home / OUTSIDE)}


def opened(template: Path, place: Path, openers: Sequence[str], worker: Worker) -> Counter[str]:
    """Spoil each entry in each way, open it, and count how that ended.

    Raises:
        AssertionError: what came out wrong, all of it.
    """
    ends, wrong = Counter[str](), list[str]()
    for entry in entries_of(template):
        for how in HOW:
            for opener in openers:
                work = Path(tempfile.mkdtemp(dir=place))
                try:
                    path = spoil(template, work, entry, how)
                    before = strangers(path.parent)
                    said = worker.open(path, opener)
                    end, text = said["end"], said.get("text", "")
                    if strangers(path.parent) != before:
                        end = "it harms"
                    elif end == "error" and not any(words in text for words in REMEDY):
                        end = "it does not say what to do"
                    ends[end] += 1
                    if end not in {"works", "error"}:
                        wrong.append(f"{entry} is {how}, {opener}: {end}: {text}")
                except NotApplicable:
                    ends["left out"] += 1
                finally:
                    shutil.rmtree(work, ignore_errors=True)
    assert not wrong, "\n".join(wrong)
    print(f"\n{len(entries_of(template))} entries: {dict(ends)}")
    return ends


def test_whatever_stands_in_a_domains_folder_it_opens_or_says_what_to_do(
    closed: Path, place: Path
) -> None:
    if os.getuid() != 0:
        print("only root can give files to somebody else: that is left out")
    with closing(Worker(closed)) as worker:
        ends = opened(closed, place, ["domain"], worker)
    assert ends["works"] > 50
    assert ends["error"] > 50


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("template", ["closed", "killed"])
def test_so_it_is_however_it_is_opened_and_was_left(
    template: str, place: Path, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(template)
    with closing(Worker(path)) as worker:
        ends = opened(path, place, list(OPENERS), worker)
    assert ends["works"] > 300


def test_a_killed_domain_has_every_kind_of_name_that_comity_gives(killed: Path) -> None:
    """So that the tests above meet them all."""
    kinds = {
        "data.mdb", "lock.mdb", "journal.lock", "models", "Pages", "current", "next", "writer.lock",
        "g000002", "power", "beside", "2", "shard-0",
    }  # fmt: skip
    assert kinds <= {Path(entry).name for entry in entries_of(killed)}
