"""One leader for each name, whoever dies, hangs or comes at the same time."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Thread

import pytest

from comity.engine import OutletInUse, StorageFailed
from comity.engine.files.writer_lock import WriterLock
from comity.engine.sharing.epochs import Epochs
from comity.engine.sharing.lease import Lease
from comity.engine.sharing.lease_watch import LeaseWatch
from comity.engine.sharing.program import this_program

ROOT = Path(__file__).parents[3]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "writer.lock"


@pytest.fixture
def start(lock: Path) -> Generator[Start]:
    """Starts programs that lead, see `leader`; kills them at the end."""
    with ExitStack() as children:

        def begin(turns: int = 0) -> subprocess.Popen[str]:
            log = str(lock.with_name("log"))
            said = [sys.executable, "-m", "tests.engine.sharing.leader", str(lock), log, str(turns)]
            child = subprocess.Popen(said, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            children.enter_context(child)
            children.callback(child.kill)
            return child

        yield begin


class Hand:
    """A clock that a test sets by hand."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().split()[0]


def let_hang(look: LeaseWatch, clock: Hand) -> None:
    """Look until the leader seems to hang."""
    for _ in range(10):
        assert not look.free()
        clock.time += 0.1
    assert look.hangs()


# --- one leader -----------------------------------------------------------------------------------


def test_one_leads_and_another_waits_until_it_ends(lock: Path) -> None:
    first = Lease.take(lock, this_program())
    assert first is not None
    assert first.held()
    assert Lease.take(lock, "another") is None
    first.release()
    assert not first.held()
    second = Lease.take(lock, "another")
    assert second is not None
    assert second.epoch > first.epoch
    second.release()


def test_a_standby_sees_who_leads_and_when_nobody_does(lock: Path) -> None:
    look = LeaseWatch(lock)
    assert look.free()
    lease = Lease.take(lock, this_program())
    assert lease is not None
    assert not look.free()
    assert look.holder == this_program()
    lease.release()
    assert look.free()
    assert look.holder == ""


def test_the_epoch_is_larger_than_that_of_the_store(lock: Path) -> None:
    lease = Lease.take(lock, "it", above=41)
    assert lease is not None
    assert lease.epoch == 42
    lease.release()


def test_of_many_that_try_at_once_one_leads(lock: Path) -> None:
    for _ in range(50):
        taken: list[Lease] = []
        barrier = Barrier(4)
        threads = [Thread(target=try_it, args=(lock, barrier, taken)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) <= 1, "two lead at once"  # none, if each has seen the other
        for lease in taken:
            lease.release()


def try_it(lock: Path, barrier: Barrier, taken: list[Lease]) -> None:
    barrier.wait()
    lease = Lease.take(lock, "it")
    if lease is not None:
        taken.append(lease)


def test_programs_that_lead_in_turn_never_lead_at_once(lock: Path, start: Start) -> None:
    for child in [start(60) for _ in range(3)]:
        assert child.wait(60) == 0
    lines = [line.split() for line in lock.with_name("log").read_text().splitlines()]
    assert len(lines) == 2 * 3 * 60
    assert [(one[1:], two[1:]) for one, two in zip(lines[::2], lines[1::2], strict=True)] == [
        (one[1:], one[1:]) for one in lines[::2]
    ]
    assert all(int(one[1]) < int(two[1]) for one, two in pairwise(lines[::2]))


def test_a_slow_candidate_that_gets_the_name_of_an_old_epoch_does_not_lead(lock: Path) -> None:
    files = Epochs(lock)
    lease = Lease.take(lock, "it", above=6)
    assert lease is not None
    assert files.begin(2, "it looked when epoch 1 had ended") is None
    assert lease.beat()
    assert files.newest() == 7
    lease.release()


# --- deaths and hanging ---------------------------------------------------------------------------


def test_who_waits_takes_over_from_a_program_that_was_killed(lock: Path, start: Start) -> None:
    child = start()
    assert said(child) == "leads"
    look = LeaseWatch(lock)
    assert not look.free()
    child.kill()
    child.wait()
    assert look.free()
    lease = Lease.take(lock, "it")
    assert lease is not None
    lease.release()


def test_who_waits_takes_over_from_a_stopped_program_which_then_steps_down(
    lock: Path, start: Start
) -> None:
    first = start()
    assert said(first) == "leads"
    os.kill(first.pid, signal.SIGSTOP)
    began = time.monotonic()
    second = start()
    assert said(second) == "leads"
    assert time.monotonic() - began < 30
    os.kill(first.pid, signal.SIGCONT)
    assert said(first) == "lost"
    assert second.poll() is None


def test_who_hangs_is_judged_by_the_clock_of_who_looks(lock: Path) -> None:
    lease, clock = Lease.take(lock, "it"), Hand()
    assert lease is not None
    look = LeaseWatch(lock, clock)
    for _ in range(20):
        assert lease.beat()
        assert not look.free()
        clock.time += 0.5
        assert not look.hangs()
    let_hang(look, clock)
    other = Lease.take(lock, "other", over=look)
    assert other is not None
    assert not lease.held()
    assert not lease.beat()
    lease.release()
    assert other.beat()
    other.release()


def test_a_standby_that_was_stopped_itself_does_not_think_that_the_leader_hangs(lock: Path) -> None:
    lease, clock = Lease.take(lock, "it"), Hand()
    assert lease is not None
    look = LeaseWatch(lock, clock)
    assert not look.free()
    clock.time += 60.0
    assert not look.free()
    assert not look.hangs()
    lease.release()


def test_of_two_standbys_that_saw_the_same_leader_hang_one_takes_over(lock: Path) -> None:
    lease, clock = Lease.take(lock, "it"), Hand()
    assert lease is not None
    looks = LeaseWatch(lock, clock), LeaseWatch(lock, clock)
    for _ in range(10):
        assert [look.free() for look in looks] == [False, False]
        clock.time += 0.1
    first, second = [Lease.take(lock, "other", over=look) for look in looks]
    assert first is not None
    assert second is None, "it has seen an older epoch hang"
    first.release()
    lease.release()


def test_a_leader_that_hangs_before_it_has_removed_the_one_before_is_replaced_too(
    lock: Path,
) -> None:
    lease, clock = Lease.take(lock, "first"), Hand()
    assert lease is not None
    look = LeaseWatch(lock, clock)
    let_hang(look, clock)
    second = Epochs(lock).begin(2, "second")
    assert second is not None
    assert Lease.take(lock, "third", over=look) is None, "it has not seen the second one hang"
    assert not look.free()
    assert (look.holder, look.hangs()) == ("second", False)
    let_hang(look, clock)
    third = Lease.take(lock, "third", over=look)
    assert third is not None
    assert third.epoch == 3
    assert not lease.held()
    third.release()
    lease.release()
    os.close(second)


def test_what_a_dead_candidate_has_left_is_removed_and_a_living_one_is_not_harmed(
    lock: Path,
) -> None:
    left = lock.with_name(f"{lock.name}-new-00c0ffee")
    left.touch()
    living = lock.with_name(f"{lock.name}-new-deadbeef")
    with living.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lease = Lease.take(lock, "it")
        assert lease is not None
        assert not left.exists()
        assert living.exists()
    lease.release()


def test_a_forked_child_neither_has_the_lease_nor_ends_it(lock: Path) -> None:
    lease = Lease.take(lock, "it")
    assert lease is not None
    child = os.fork()
    if not child:
        lease.abandon()
        os._exit(1 if lease.held() or lease.beat() else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lease.beat()
    assert Lease.take(lock, "another") is None
    lease.release()


def test_a_released_lease_is_free_even_if_a_forked_child_still_has_its_files(lock: Path) -> None:
    lease = Lease.take(lock, "it")
    assert lease is not None
    ends, begins = os.pipe()
    child = os.fork()
    if not child:
        os.close(begins)
        os.read(ends, 1)  # until the parent is done
        os._exit(0)
    os.close(ends)
    lease.release()
    other = Lease.take(lock, "another")
    os.close(begins)
    os.waitpid(child, 0)
    assert other is not None
    other.release()


# --- programs that lead alone ---------------------------------------------------------------------


def test_a_program_that_leads_alone_excludes_all_others(lock: Path) -> None:
    alone, look = WriterLock(lock.parent, lock.name), LeaseWatch(lock)
    assert Lease.take(lock, "it") is None
    assert not look.free()
    assert look.holder.startswith(f"process {os.getpid()} (")
    assert not look.hangs()
    alone.release()
    assert look.free()


def test_a_leader_excludes_a_program_that_wants_to_lead_alone_and_is_named_to_it(
    lock: Path,
) -> None:
    lease = Lease.take(lock, this_program())
    assert lease is not None
    with pytest.raises(OutletInUse, match=f"process {os.getpid()} "):
        WriterLock(lock.parent, lock.name, OutletInUse)
    lease.release()
    WriterLock(lock.parent, lock.name, OutletInUse).release()


# --- files that others have changed ---------------------------------------------------------------


def test_a_leader_whose_files_are_removed_steps_down_and_another_may_lead(lock: Path) -> None:
    lease = Lease.take(lock, "it")
    assert lease is not None
    Epochs(lock).file(lease.epoch).unlink()
    assert not lease.held()
    assert not lease.beat()
    other = Lease.take(lock, "other", above=lease.epoch)
    assert other is not None
    assert other.epoch == lease.epoch + 1
    lease.release()
    assert other.beat()
    other.release()


@pytest.mark.parametrize("text", [b"", b"\x00" * 8, b"12345678\x1b[31mred", b"\xff" * 5_000])
def test_a_leaders_file_may_have_any_content(lock: Path, text: bytes) -> None:
    lease = Lease.take(lock, "it")
    assert lease is not None
    Epochs(lock).file(lease.epoch).write_bytes(text)
    look = LeaseWatch(lock)
    assert not look.free()
    assert look.holder.isprintable()
    assert look.holder != ""
    lease.release()


@pytest.mark.parametrize("name", ["writer.lock-x", "writer.lock-07", "writer.lock-7.txt", "a-9"])
def test_files_of_other_names_do_not_count(lock: Path, name: str) -> None:
    lock.with_name(name).write_text("a person's")
    lease = Lease.take(lock, "it")
    assert lease is not None
    assert lease.epoch == 1
    assert lock.with_name(name).read_text() == "a person's"
    lease.release()


def test_a_folder_or_link_in_the_place_of_an_epoch_is_named_and_stays(lock: Path) -> None:
    place = lock.with_name("writer.lock-3")
    place.mkdir()
    with pytest.raises(StorageFailed, match=r"writer\.lock-3 is a folder.*move it away"):
        Lease.take(lock, "it")
    assert not LeaseWatch(lock).free()
    place.rmdir()
    place.symlink_to("/etc/passwd")
    with pytest.raises(StorageFailed, match=r"writer\.lock-3 is a link.*move it away"):
        Lease.take(lock, "it")


def test_an_epoch_that_comity_would_never_reach_is_named(lock: Path) -> None:
    lock.with_name("writer.lock-9999999999999999").touch()
    with pytest.raises(StorageFailed, match="9999999999999999 is no file of comity's: remove it"):
        Lease.take(lock, "it")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"gone/writer\.lock cannot be taken"):
        Lease.take(tmp_path / "gone" / "writer.lock", "it")


def test_many_leaders_leave_a_handful_of_files(lock: Path) -> None:
    for _ in range(20):
        lease = Lease.take(lock, "it")
        assert lease is not None
        lease.release()
    assert sorted(each.name for each in lock.parent.iterdir()) == ["writer.lock", "writer.lock-20"]
