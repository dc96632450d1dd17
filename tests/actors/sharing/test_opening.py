"""Any number of processes open one path; with `exclusive=True` one does, and says who it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import until

from comity.actors import Domain
from comity.engine import JournalInUse, StorageFailed, WiringError
from comity.engine.files import own_folder
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.opener import LmdbOpener
from comity.engine.sharing.board import Board
from comity.engine.sharing.sharer import Sharer

PROGRAM = """
import sys
from comity.actors import Domain
from comity.engine import JournalInUse
from tests.actors.notebook import Stamp, notebook
try:
    domain = Domain.open(sys.argv[1], deciders=[notebook], exclusive=sys.argv[2] == "exclusive")
except JournalInUse as error:
    print(error, flush=True)
    sys.exit(3)
if sys.argv[2] == "stops":
    with domain._assembly.journal.alone():
        print("holds", flush=True)
        sys.stdin.readline()
print("open", flush=True)
for line in sys.stdin:
    domain.aggregate(notebook, "a").do(Stamp(page="p", stamps=1))
    print("done", flush=True)
domain.close()
"""
STAMP = Stamp(page="p", stamps=1)


@contextmanager
def program(path: Path, how: str = "shared") -> Generator[subprocess.Popen[str]]:
    """Another process that opens the domain; each line that it gets lets it send a command."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path), how],
        cwd=Path(__file__).parents[3], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def go_on(process: subprocess.Popen[str]) -> None:
    """Let it take its next step."""
    assert process.stdin is not None
    process.stdin.write("go on\n")
    process.stdin.flush()


def told(process: subprocess.Popen[str]) -> str:
    """The next line that the process says."""
    assert process.stdout is not None
    return process.stdout.readline()


def test_two_processes_send_commands_to_one_aggregate(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    with Domain.open(path, deciders=[notebook]) as domain, program(path) as other:
        assert told(other) == "open\n"
        here = domain.aggregate(notebook, "a")
        for number in range(1, 6):
            here.do(STAMP)
            go_on(other)
            assert told(other) == "done\n"
            assert domain.version(here) == 2 * number


def test_streams_and_statistics_show_what_another_process_does(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    with (
        Domain.open(path, deciders=[notebook]) as domain,
        domain.subscribe(notebook, "a") as events,
        program(path) as other,
    ):
        assert told(other) == "open\n"
        for number in range(1, 21):
            go_on(other)
            at = events.next(timeout=60)
            assert at is not None
            assert at.version == number
            assert told(other) == "done\n"
        this, that = domain.statistics().sharers
        assert (this.pid, this.commits) == (os.getpid(), 0)
        assert (that.pid, that.commits, that.events) == (other.pid, 20, 20)
        other.kill()
        other.wait()
        assert [one.pid for one in domain.statistics().sharers] == [os.getpid()]


def test_a_commit_that_a_stopped_process_holds_up_is_said_and_goes_on_when_it_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "team.db"
    with Domain.open(path, deciders=[notebook]) as domain, program(path, "stops") as other:
        assert told(other) == "holds\n"
        os.kill(other.pid, signal.SIGSTOP)
        pending = domain.aggregate(notebook, "b").send(STAMP)
        assert until(lambda: "has waited" in caplog.text)
        assert f"process {other.pid} (" in caplog.text
        assert domain.version(domain.aggregate(notebook, "a")) == 0  # reading goes on
        assert not pending.done()
        os.kill(other.pid, signal.SIGCONT)
        go_on(other)
        assert pending.result(60).version == 1


@pytest.mark.parametrize(("first", "second"), [("exclusive", "shared"), ("shared", "exclusive")])
def test_a_path_is_open_in_one_way_only(tmp_path: Path, first: str, second: str) -> None:
    path = tmp_path / "team.db"
    with program(path, first) as other:
        assert told(other) == "open\n"
        with pytest.raises(JournalInUse, match=f"process {other.pid} "):
            Domain.open(path, deciders=[notebook], exclusive=second == "exclusive")
    Domain.open(path, deciders=[notebook], exclusive=second == "exclusive").close()


def test_of_many_processes_that_share_a_path_three_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "team.db"
    with program(path) as other:
        assert told(other) == "open\n"
        five = Board.look(path) * 5

        def look(_: Path) -> list[Sharer]:
            return five

        monkeypatch.setattr(Board, "look", look)
        with pytest.raises(JournalInUse, match=r"and 2 more\. exclusive=True needs it alone"):
            Domain.open(path, deciders=[notebook], exclusive=True)


def test_who_lacks_the_right_to_write_the_lock_is_told_that_readers_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "team.db"
    Domain.open(path, deciders=[notebook]).close()

    def may(file: Path, _: int) -> bool:
        return file.name != "lock.mdb"

    monkeypatch.setattr(own_folder, "_may", may)
    with pytest.raises(StorageFailed, match=r"lock\.mdb: .*Programs that only read need it, too"):
        LmdbJournal.open(path, read_only=True)


def test_exclusive_is_for_a_journal_in_a_directory(tmp_path: Path) -> None:
    class Opener:
        path = None

        def open(self, *, read_only: bool = False) -> MemoryJournal:
            return MemoryJournal()

    with pytest.raises(WiringError, match="exclusive is for a journal in a directory"):
        Domain.open(Opener(), deciders=[notebook], exclusive=True)
    opener = LmdbOpener(tmp_path / "team.db")
    with Domain.open(opener, deciders=[notebook], exclusive=True) as domain:
        assert domain.statistics().sharers == []
