"""Processes that have one journal open find each other on its board, whoever dies or scribbles."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from comity.engine.errors import JournalInUse, StorageFailed, TooNew
from comity.engine.sharing import board_file, byte_lock, entering, futex
from comity.engine.sharing import member as at_member
from comity.engine.sharing.bell import COMMITS, MODELS
from comity.engine.sharing.board import Board
from comity.engine.sharing.byte_lock import is_taken, take_byte
from comity.engine.sharing.layout import SIZE, SLOTS
from comity.engine.sharing.member import Member

OTHER = """
import os, sys
from pathlib import Path
from comity.engine.sharing.board import Board
member = Board.join(Path(sys.argv[1]), "another")
if sys.argv[2] == "forks" and os.fork() == 0:
    member.abandon()
    os.read(0, 1)
    os._exit(0)
if sys.argv[2] == "listens and forks":
    stop = member.listen(1, lambda: os.write(1, b"heard\\n"))
    with member._listening._lock:  # as its thread may have it at any moment
        child = os.fork()
        if child == 0:
            stop()
            member.leave()
            os._exit(0)
    os.waitpid(child, 0)
if sys.argv[2] == "listens":
    member.listen(1, lambda: os.write(1, b"heard\\n"))
os.write(1, b"here\\n")
sys.stdin.readline()
member.leave()
"""


@contextmanager
def another(folder: Path, does: str = "waits") -> Generator[subprocess.Popen[str]]:
    """A second process on the board; it is killed at the end."""
    command = [sys.executable, "-c", OTHER, str(folder), does]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        while (line := process.stdout.readline()) != "here\n":
            assert line
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that other processes or threads do."""
    until = monotonic() + 30
    while not holds():
        assert monotonic() < until
        sleep(0.002)


def nothing() -> None:
    """Do nothing."""


def fail() -> None:
    """Fail as a callback of a program may."""
    raise ValueError


@pytest.fixture
def member(tmp_path: Path) -> Generator[Member]:
    """This process, on the board of `tmp_path`."""
    member = Board.join(tmp_path, "this one")
    yield member
    member.leave()


def test_processes_see_each_other_until_they_leave(tmp_path: Path, member: Member) -> None:
    assert member.others() == []
    with another(tmp_path) as process:
        (other,) = member.others()
        assert (other.pid, other.program) == (process.pid, "another")
        assert {one.pid for one in Board.look(tmp_path)} == {os.getpid(), process.pid}
        process.communicate("leave\n", timeout=30)
        assert member.others() == []


def test_a_killed_process_is_gone_at_once_and_its_slot_is_free(
    tmp_path: Path, member: Member
) -> None:
    with another(tmp_path) as process:
        slot = member.others()[0].slot
        process.kill()
        process.wait()
        assert member.others() == []
        assert [one.pid for one in Board.look(tmp_path)] == [os.getpid()]
        member.beat()
        next_one = Board.join(tmp_path, "the next one")
        assert next_one.me().slot == slot
        next_one.leave()


def test_a_forked_child_does_not_keep_its_parents_slot(tmp_path: Path, member: Member) -> None:
    with another(tmp_path, "forks") as process:
        assert [one.pid for one in member.others()] == [process.pid]
        process.kill()
        process.wait()
        wait_until(lambda: member.others() == [])


def test_a_forked_child_does_not_make_its_parent_deaf(tmp_path: Path, member: Member) -> None:
    with another(tmp_path, "listens and forks") as process:
        assert process.stdout is not None
        for _ in range(3):
            member.ring(COMMITS)
            assert process.stdout.readline() == "heard\n"
        assert [one.pid for one in member.others()] == [process.pid]


def test_a_member_tells_what_it_has_done(tmp_path: Path, member: Member) -> None:
    member.note_commit(3)
    member.note_commit(2)
    member.note_stale(4)
    member.waiting()
    (seen,) = Board.look(tmp_path)
    assert (seen.commits, seen.events, seen.stale) == (2, 5, 4)
    assert seen.waits_since
    assert not seen.holds_since
    other = Board.join(tmp_path, "another")
    assert other.holder() is None
    member.holding()
    holder = other.holder()
    assert holder is not None
    assert holder.pid == os.getpid()
    assert not holder.waits_since
    assert str(holder).startswith(f"process {os.getpid()} ('this one') on ")
    member.released()
    assert other.holder() is None
    other.leave()


def test_whoever_has_left_writes_nothing_any_more(tmp_path: Path) -> None:
    first = Board.join(tmp_path, "first")
    stop = first.listen(COMMITS, nothing)
    first.leave()
    with another(tmp_path):
        before = (tmp_path / "board").read_bytes()
        stop()
        for act in (first.beat, first.waiting, first.holding, first.released, first.leave):
            act()
        first.note_commit(1)
        first.note_stale(1)
        first.ring(COMMITS)
        first.give_way(1.0)
        first.listen(COMMITS, nothing)()
        assert first.others() == []
        assert (tmp_path / "board").read_bytes() == before


# --- the bell ---------------------------------------------------------------------------------


def test_a_ring_wakes_another_process(tmp_path: Path, member: Member) -> None:
    with another(tmp_path, "listens") as process:
        assert process.stdout is not None
        member.ring(MODELS)  # it does not listen for this
        member.ring(COMMITS)
        while process.stdout.readline() != "heard\n":
            pass


@pytest.mark.parametrize("number", [futex.CALL, None, 9_999], ids=["it is", "none", "refused"])
def test_those_hear_who_listen_for_it(
    tmp_path: Path, member: Member, monkeypatch: pytest.MonkeyPatch, number: int | None
) -> None:
    monkeypatch.setattr(futex, "CALL", number)  # None, or refused: 10 ms
    other = Board.join(tmp_path, "another")
    heard: dict[str, int] = {"commits": 0, "models": 0, "both": 0}

    def hear(who: str) -> Callable[[], None]:
        def callback() -> None:
            heard[who] += 1

        return callback

    stops = [
        other.listen(COMMITS, hear("commits")), other.listen(MODELS, hear("models")),
        other.listen(COMMITS | MODELS, hear("both")),
    ]  # fmt: skip
    wait_until(lambda: min(heard.values()) > 0)  # each is called once at the beginning
    before = dict(heard)
    member.ring(COMMITS)
    wait_until(lambda: heard["commits"] > before["commits"] and heard["both"] > before["both"])
    assert heard["models"] == before["models"]
    for stop in stops[:2]:
        stop()
    before = dict(heard)
    member.ring(COMMITS | MODELS)
    wait_until(lambda: heard["both"] > before["both"])
    assert heard["commits"] == before["commits"]
    stops[2]()
    stops[2]()
    other.leave()


def test_a_callback_that_fails_keeps_nobody_from_hearing(
    tmp_path: Path, member: Member, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[int] = []
    other = Board.join(tmp_path, "another")
    other.listen(COMMITS, fail)
    other.listen(COMMITS, lambda: heard.append(1))
    wait_until(lambda: len(heard) == 1)
    member.ring(COMMITS)
    wait_until(lambda: len(heard) > 1)
    assert "a callback failed that another process had rung for" in caplog.text
    other.leave()


def test_every_ring_is_heard_whoever_rings_at_the_same_time(tmp_path: Path, member: Member) -> None:
    told, heard = [0], [-1]
    other, third = Board.join(tmp_path, "another"), Board.join(tmp_path, "third")
    other.listen(COMMITS, lambda: heard.append(told[-1]))
    for number in range(300):
        told.append(number)
        (member if number % 2 else third).ring(COMMITS)
        wait_until(lambda: heard[-1] == told[-1])
    for one in (other, third):
        one.leave()


# --- the right to write -----------------------------------------------------------------------


def test_who_waits_goes_first_but_is_not_waited_for_long_nor_twice(
    tmp_path: Path, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []
    other = Board.join(tmp_path, "another")

    def begin(seconds: float) -> None:
        paused.append(seconds)
        other.holding()

    monkeypatch.setattr(at_member, "pause", begin)
    member.give_way(30.0)
    assert paused == []  # nobody waits
    other.waiting()
    member.give_way(30.0)  # ends, since the other one has begun
    assert len(paused) == 1
    monkeypatch.setattr(at_member, "pause", paused.append)
    other.released()
    other.waiting()
    member.give_way(0.001)  # a process that hangs
    paused.clear()
    member.give_way(30.0)
    assert paused == []
    other.leave()


# --- other containers, machines and versions --------------------------------------------------


def test_a_process_in_another_container_is_refused(
    tmp_path: Path, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entering, "pid_namespace", lambda: 7)
    with pytest.raises(JournalInUse, match=r"\('this one'\).*shareProcessNamespace"):
        Board.join(tmp_path, "in a container")
    member.leave()
    Board.join(tmp_path, "in a container").leave()


def test_the_board_of_an_older_boot_is_made_anew(tmp_path: Path) -> None:
    Board.join(tmp_path, "before the power cut").leave()
    with (tmp_path / "board").open("r+b") as file:
        file.seek(15)
        file.write(b"an older boot")
        file.seek(4_096)
        file.write(b"\1" * SLOTS)
    member = Board.join(tmp_path, "after it")
    assert member.others() == []
    assert Board.look(tmp_path) == [member.me()]
    member.leave()


@pytest.mark.parametrize(
    ("head", "error", "text"),
    [
        (b"comity board 1\nanother machine\n", JournalInUse, "on another machine"),
        (b"comity board 2\n", TooNew, "a board of format 2; this is comity"),
    ],
    ids=["machine", "version"],
)
@pytest.mark.usefixtures("member")
def test_a_board_of_others_in_use_is_refused(
    tmp_path: Path, head: bytes, error: type[Exception], text: str
) -> None:
    with (tmp_path / "board").open("r+b") as file:
        file.write(head.ljust(100, b"\0"))
    with pytest.raises(error, match=text):
        Board.join(tmp_path, "too late")


# --- what other programs have put there -------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 4_096, SIZE, SIZE + 5_000])
def test_garbage_is_replaced_when_nobody_is_here(tmp_path: Path, size: int) -> None:
    (tmp_path / "board").write_bytes(b"\xff" * size)
    assert Board.look(tmp_path) == []
    member = Board.join(tmp_path, "this one")
    assert Board.look(tmp_path) == [member.me()]
    assert (tmp_path / "board").stat().st_size == SIZE
    member.leave()


def test_garbage_while_processes_are_here_harms_none(tmp_path: Path, member: Member) -> None:
    other = Board.join(tmp_path, "another")
    with (tmp_path / "board").open("r+b") as file:
        file.write(b"\xff" * SIZE)
    for one in (member, other):
        one.beat()
        one.give_way(0.001)
        one.ring(COMMITS | MODELS)
        one.waiting()
        one.holding()
        one.released()
    assert [one.pid for one in member.others()] == [os.getpid()]
    other.leave()
    third = Board.join(tmp_path, "third")
    assert third.me() in member.others()
    third.leave()


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    there = tmp_path / "board"
    match kind:
        case "link":
            (tmp_path / "elsewhere").touch()
            there.symlink_to("elsewhere")
        case "fifo":
            os.mkfifo(there)
        case _:
            there.mkdir()
    with pytest.raises(StorageFailed, match="move it away"):
        Board.join(tmp_path, "this one")
    assert Board.look(tmp_path) == []


def test_a_removed_board_is_joined_anew_with_all_counts(tmp_path: Path, member: Member) -> None:
    heard: list[int] = []
    member.note_commit(3)
    member.listen(COMMITS, lambda: heard.append(1))
    (tmp_path / "board").unlink()
    other = Board.join(tmp_path, "another")
    assert other.others() == []
    member.beat()
    assert [(one.program, one.events) for one in other.others()] == [("this one", 3)]
    wait_until(lambda: len(heard) > 0)
    before = len(heard)
    other.ring(COMMITS)
    wait_until(lambda: len(heard) > before)
    other.leave()


def test_the_board_of_another_journal_at_this_path_is_not_joined(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    member = Board.join(folder, "this one")
    folder.rename(tmp_path / "moved")
    member.beat()
    folder.mkdir()
    member.beat()
    assert list(folder.iterdir()) == []
    member.leave()


def test_a_hundred_processes_see_each_other(tmp_path: Path, member: Member) -> None:
    every = [Board.join(tmp_path, f"worker {number}") for number in range(100)]
    assert {one.program for one in member.others()} == {f"worker {n}" for n in range(100)}
    heard: list[int] = []
    every[99].listen(MODELS, lambda: heard.append(1))
    wait_until(lambda: len(heard) > 0)
    before = len(heard)
    every[0].ring(MODELS)
    wait_until(lambda: len(heard) > before)
    for one in every:
        one.leave()
    assert member.others() == []


def test_a_board_without_a_free_slot_says_so(tmp_path: Path, member: Member) -> None:
    with (tmp_path / "board").open("r+b") as file:
        for slot in range(SLOTS):
            take_byte(file.fileno(), slot)
        with pytest.raises(JournalInUse, match=r"1024 processes have .* open already"):
            Board.join(tmp_path, "one too many")
    Board.join(tmp_path, "another").leave()
    assert member.others() == []


def test_a_process_that_hangs_while_it_joins_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_file, "_PATIENCE", 0.01)
    Board.join(tmp_path, "before").leave()
    with (tmp_path / "board").open("r+b") as file:
        take_byte(file.fileno(), SLOTS)
        with pytest.raises(JournalInUse, match="has been opening"):
            Board.join(tmp_path, "this one")
    Board.join(tmp_path, "this one").leave()


def test_bytes_are_locked_also_where_locks_belong_to_processes(
    tmp_path: Path, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    with another(tmp_path), (tmp_path / "other").open("w+b") as file:
        slot = member.others()[0].slot
        monkeypatch.setattr(byte_lock, "_SET", None)
        with (tmp_path / "board").open("r+b") as board:
            assert is_taken(board.fileno(), slot)
            assert not take_byte(board.fileno(), slot)
            assert not is_taken(board.fileno(), SLOTS - 1)
        assert take_byte(file.fileno(), 3)
        byte_lock.release_byte(file.fileno(), 3)
