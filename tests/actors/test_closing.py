"""Closing, forking, leaving: every ask is answered, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.actors.faulty_journal import FaultyJournal
from tests.actors.notebook import MISCHIEF, Misbehave, NotebookEvent, Stall, Stamp, notebook
from tests.actors.shelf import Pages
from tests.support.left_out import NO_FORK

from comity.actors import Domain, Pending, Policy
from comity.actors.runtime.pool import Pool
from comity.actors.runtime.thread_runtime import ThreadSleeper
from comity.engine import (
    Busy,
    Closed,
    ComityError,
    Event,
    Expired,
    JournalInUse,
    Outcome,
    OutcomeUnknown,
    Receipt,
    Recorded,
    StorageFailed,
    StorageFull,
)
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.readmodels import Listener

ROOT = Path(__file__).parents[2]


def test_closing_finishes_what_is_on_its_way() -> None:
    domain = Domain(MemoryJournal(), deciders=[notebook])
    books = [domain.aggregate(notebook, f"k{n}") for n in range(50)]
    pendings = [book.send(Stamp(page="p", stamps=1)) for book in books for _ in range(20)]
    domain.close()
    assert all(pending.result(0).outcome is Outcome.APPLIED for pending in pendings)


def test_a_closed_domain_takes_no_commands_and_closing_twice_is_harmless() -> None:
    domain = Domain(MemoryJournal(), deciders=[notebook])
    book = domain.aggregate(notebook, "a")
    domain.close()
    domain.close()
    with pytest.raises(Closed, match="open it again"):
        book.send(Stamp(page="p", stamps=1))


def test_what_cannot_be_finished_by_the_deadline_is_answered_all_the_same() -> None:
    stall = MISCHIEF["stall"] = Stall()
    domain = Domain(MemoryJournal(), deciders=[notebook])
    book = domain.aggregate(notebook, "a")
    held = book.send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)
    waiting = [book.send(Stamp(page="p", stamps=1)) for _ in range(5)]
    domain.close(timeout=0.2)
    for pending in waiting:
        with pytest.raises(Closed):
            pending.result(0)
    with pytest.raises((Closed, OutcomeUnknown)):
        held.result(0)
    stall.released.set()
    MISCHIEF.clear()


def test_commands_that_a_hanging_disk_never_confirmed_have_an_unknown_outcome() -> None:
    hanging = Stall()
    journal = FaultyJournal()

    def hang(_journal: FaultyJournal, _turns: Sequence[Turn]) -> list[Result]:
        hanging()
        msg = "it was too late"
        raise StorageFull(msg)

    journal.fault = hang
    domain = Domain(journal, deciders=[notebook])
    committer = domain._assembly.services.committer  # pyright: ignore[reportPrivateUsage] - to end it
    pending = domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1))
    assert hanging.entered.wait(60)
    domain.close(timeout=0.2)
    with pytest.raises(OutcomeUnknown, match="same id"):
        pending.result(0)
    hanging.released.set()
    assert committer.stop(60)


def test_previews_on_their_way_are_answered_and_keep_their_aggregate_in_memory() -> None:
    disk = HeldUp()
    with Domain(disk, deciders=[notebook], policy=Policy(max_live=1)) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Stamp(page="p", stamps=1))
        assert disk.entered.wait(60)
        previews = [book.preview(Stamp(page="p", stamps=1)) for _ in range(3)]
        while domain.statistics().unanswered != 4:
            time.sleep(0.001)
        with pytest.raises(Busy):  # there is no room while they are on their way
            domain.aggregate(notebook, "b").send(Stamp(page="p", stamps=1))
        disk.fail()
        with pytest.raises(StorageFailed):
            first.result(60)
        assert [preview.result(60).version for preview in previews] == [0, 0, 0]


def test_what_is_answered_closed_is_never_done_even_where_a_decision_was_held_up(
    tmp_path: Path,
) -> None:
    stall = MISCHIEF["stall"] = Stall()
    domain = Domain.open(tmp_path / "d", deciders=[notebook])
    book = domain.aggregate(notebook, "a")
    sent: list[Pending[Receipt[NotebookEvent]]] = [
        book.send(Misbehave(name="stall", where="decide"))
    ]
    assert stall.entered.wait(60)
    sent += [book.send(Stamp(page="p", stamps=1)) for _ in range(5)]
    domain.close(timeout=0.2)
    stall.released.set()
    MISCHIEF.clear()
    with Domain.open(tmp_path / "d", deciders=[notebook]) as domain:
        done = {one.command_id for one in domain.history(domain.aggregate(notebook, "a"))}
    assert all(one.done() for one in sent)
    assert not [one for one in sent if isinstance(one.answer(), Closed) and one.id in done]


def test_who_closes_while_another_closes_waits_until_it_is_closed(tmp_path: Path) -> None:
    stall = MISCHIEF["stall"] = Stall()
    domain = Domain.open(tmp_path / "d", deciders=[notebook])
    domain.aggregate(notebook, "a").send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)
    first = threading.Thread(target=domain.close)
    first.start()
    while not _is_closed(domain):
        time.sleep(0.001)
    threading.Timer(0.1, stall.released.set).start()
    domain.close()
    Domain.open(tmp_path / "d", deciders=[notebook]).close()  # nobody has it any more
    first.join(60)
    MISCHIEF.clear()


def test_a_closing_that_is_interrupted_closes_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall = MISCHIEF["stall"] = Stall()
    domain = Domain.open(tmp_path / "d", deciders=[notebook])
    book = domain.aggregate(notebook, "a")
    held = book.send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)
    waiting = book.send(Stamp(page="p", stamps=1))

    sleep, waited = ThreadSleeper.sleep, list[float | None]()

    def interrupt(sleeper: ThreadSleeper, seconds: float | None) -> bool:
        waited.append(seconds)
        if len(waited) == 1:
            raise KeyboardInterrupt
        return sleep(sleeper, seconds)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ThreadSleeper, "sleep", interrupt)
        domain.close()
    with pytest.raises(OutcomeUnknown):
        held.result(0)
    with pytest.raises(Closed):
        waiting.result(0)
    Domain.open(tmp_path / "d", deciders=[notebook]).close()
    stall.released.set()
    MISCHIEF.clear()


@pytest.mark.parametrize("timeout", [float("inf"), 1e300])
def test_closing_may_take_as_long_as_it_takes(timeout: float) -> None:
    domain = Domain(MemoryJournal(), deciders=[notebook])
    pending = domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1))
    domain.close(timeout)
    assert pending.result(0).version == 1


def test_closing_in_the_middle_of_a_decision_closes_after_it() -> None:
    domain = Domain(MemoryJournal(), deciders=[notebook])
    MISCHIEF["close"] = domain.close
    pending = domain.aggregate(notebook, "a").send(Misbehave(name="close", where="decide"))
    assert pending.result(60).outcome is Outcome.APPLIED
    assert _is_closed(domain)
    domain.close()
    MISCHIEF.clear()


class Leaver(Listener):
    """Closes its domain with the first event."""

    def __init__(self) -> None:
        self.domain: Domain | None = None
        self.left = threading.Event()

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Close."""
        assert self.domain is not None
        self.domain.close()
        self.left.set()


def test_a_listener_may_close_its_domain() -> None:
    leaver = Leaver()
    leaver.domain = domain = Domain(MemoryJournal(), deciders=[notebook])
    domain.listen(leaver)
    pending = domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1))
    assert pending.result(60).version == 1
    assert leaver.left.wait(60)
    domain.close()
    assert _is_closed(domain)


def test_a_journal_that_hangs_is_released_once_it_does_not(tmp_path: Path) -> None:
    journal = LmdbJournal.open(tmp_path / "d")
    entered, released = threading.Event(), threading.Event()
    append = journal.append

    def hang(turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        entered.set()
        released.wait(30)
        return append(turns, snapshots)

    journal.append = hang  # type: ignore[method-assign]
    domain = Domain(journal, deciders=[notebook])
    pending = domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1))
    assert entered.wait(60)
    domain.close(timeout=0.1)
    with pytest.raises(OutcomeUnknown):
        pending.result(0)
    released.set()
    until = time.monotonic() + 10
    while True:
        try:
            again = Domain.open(tmp_path / "d", deciders=[notebook])
            break
        except JournalInUse:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert again.aggregate(notebook, "a").version == 1
    again.close()


def test_a_domain_that_gets_no_threads_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def no_more(thread: threading.Thread) -> None:
        if thread.name == "comity-timers":
            msg = "can't start new thread"
            raise RuntimeError(msg)
        start(thread)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(threading.Thread, "start", no_more)
        Domain.open(tmp_path / "d", deciders=[notebook], read_models=[Pages])
    Domain.open(tmp_path / "d", deciders=[notebook], read_models=[Pages]).close()


def test_where_no_thread_can_be_added_housekeeping_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stall = MISCHIEF["stall"] = Stall()
    with Domain(MemoryJournal(), deciders=[notebook]) as domain:
        domain.aggregate(notebook, "a").send(Misbehave(name="stall", where="decide"))
        assert stall.entered.wait(60)
        monkeypatch.setattr(Pool, "STALLED", 0.0)

        def no_more(_thread: threading.Thread) -> None:
            msg = "can't start new thread"
            raise RuntimeError(msg)

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_more)
            late = domain.aggregate(notebook, "b").send(Stamp(page="p", stamps=1), deadline=0.01)
            with pytest.raises(Expired):
                late.result(60)
        stall.released.set()
    assert "no thread can be added" in caplog.text
    MISCHIEF.clear()


def _is_closed(domain: Domain) -> bool:
    try:
        domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1))
    except Closed:
        return True
    return False


class HeldUp(FaultyJournal):
    """Its first append waits, and then fails."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self._released = threading.Event(), threading.Event()
        self.fault = self._wait

    def _wait(self, _journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
        self.entered.set()
        assert self._released.wait(30)
        self.fault = None
        msg = "the disk was full"
        raise StorageFull(msg)

    def fail(self) -> None:
        """Go on."""
        self._released.set()


def _race(asks: list[Pending[Receipt[NotebookEvent]]], domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    while True:
        try:
            asks.append(book.send(Stamp(page="p", stamps=1)))
        except Closed:
            return
        except ComityError:
            continue


def test_every_ask_that_races_with_closing_is_answered() -> None:
    for _ in range(20):
        domain = Domain(MemoryJournal(), deciders=[notebook])
        asks: list[Pending[Receipt[NotebookEvent]]] = []
        racers = [threading.Thread(target=_race, args=(asks, domain)) for _ in range(4)]
        for racer in racers:
            racer.start()
        time.sleep(0.005)
        domain.close()
        for racer in racers:
            racer.join(60)
        assert len([ask for ask in asks if not ask.done()]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason=NO_FORK)
def test_after_a_fork_the_child_is_told_to_open_its_own_and_the_parent_goes_on(
    tmp_path: Path,
) -> None:
    program = """
import os, sys
from comity.actors import Domain
from comity.engine import Forked, OutcomeUnknown
from tests.actors.notebook import MISCHIEF, Misbehave, Stall, Stamp, notebook
domain = Domain.open(sys.argv[1], deciders=[notebook])
book = domain.aggregate(notebook, "a")
stall = MISCHIEF["stall"] = Stall()
held = book.send(Misbehave(name="stall", where="decide"))
assert stall.entered.wait(60)
child = os.fork()
if child == 0:
    try:
        book.send(Stamp(page="p", stamps=1))
    except Forked as error:
        assert "after forking" in str(error)
    try:
        held.result(60)
    except OutcomeUnknown as error:
        assert "fork" in str(error)
        os._exit(7)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
stall.released.set()
assert held.result(60).version == 1
assert book.send(Stamp(page="p", stamps=1)).result(60).version == 2
domain.close()
"""
    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, str(tmp_path / "d")],
        check=True, cwd=ROOT, timeout=60,
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_is_told_so_by_streams_and_watches_that_it_inherits(tmp_path: Path) -> None:
    """Nobody would ever wake it."""
    program = """
import os, sys
from comity.actors import Domain
from comity.engine import Forked
from comity.engine.journal.memory_journal import MemoryJournal
from tests.actors.notebook import notebook
from tests.actors.shelf import Pages, write
domain = Domain(MemoryJournal(), deciders=[notebook], read_models=[Pages], models=sys.argv[1])
end = write(domain, "a", "p", "x")
domain.reached(Pages, end, timeout=60).result(60)
follows = [domain.subscribe(notebook, "a", from_version=1), domain.watch(Pages.rows["a", "none"])]
child = os.fork()
if child == 0:
    told = 0
    for one in follows:
        try:
            next(one)
        except Forked as error:
            told += "after forking" in str(error)
    os._exit(told)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
write(domain, "a", "none", "y")
assert [next(follows[0]).version, next(follows[1]).kind] == [2, "put"]
domain.close()
"""
    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, str(tmp_path / "m")],
        check=True, cwd=ROOT, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "raise SystemExit(0)"])
def test_a_domain_left_open_is_closed_at_exit_and_loses_nothing(tmp_path: Path, end: str) -> None:
    program = f"""
import sys
from comity.actors import Domain
from tests.actors.notebook import Stamp, notebook
domain = Domain.open(sys.argv[1], deciders=[notebook])
book = domain.aggregate(notebook, "a")
pendings = [book.send(Stamp(page="p", stamps=1)) for _ in range(100)]
{end}
"""
    path = str(tmp_path / "d")
    subprocess.run([sys.executable, "-c", program, path], check=True, cwd=ROOT, timeout=60)
    with Domain.open(path, deciders=[notebook]) as domain:
        assert domain.version(domain.aggregate(notebook, "a")) == 100
