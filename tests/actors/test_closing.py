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
from tests.support.left_out import NO_FORK

from comity.actors import Domain, Pending
from comity.engine import Closed, ComityError, Outcome, OutcomeUnknown, Receipt, StorageFull
from comity.engine.journal import Appending, Entry
from comity.engine.memory_journal import MemoryJournal

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
    assert stall.entered.wait(5)
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

    def hang(_journal: FaultyJournal, _entries: Sequence[Entry]) -> list[Appending]:
        hanging()
        msg = "it was too late"
        raise StorageFull(msg)

    journal.fault = hang
    domain = Domain(journal, deciders=[notebook])
    committer = domain._site.committer._thread  # pyright: ignore[reportPrivateUsage] - to end it
    pending = domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1))
    assert hanging.entered.wait(60)
    domain.close(timeout=0.2)
    with pytest.raises(OutcomeUnknown, match="same id"):
        pending.result(0)
    hanging.released.set()
    committer.join(60)
    assert not committer.is_alive()


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
            racer.join(10)
        assert len([ask for ask in asks if not ask.done()]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason=NO_FORK)
def test_after_a_fork_the_child_is_told_to_open_its_own_and_the_parent_goes_on(
    tmp_path: Path,
) -> None:
    program = """
import os, sys
from comity.actors import Domain
from comity.engine import Forked
from tests.actors.notebook import Stamp, notebook
domain = Domain.open(sys.argv[1], deciders=[notebook])
book = domain.aggregate(notebook, "a")
book.send(Stamp(page="p", stamps=1)).result(5)
child = os.fork()
if child == 0:
    try:
        book.send(Stamp(page="p", stamps=1))
    except Forked as error:
        assert "after forking" in str(error)
        os._exit(7)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert book.send(Stamp(page="p", stamps=1)).result(5).version == 2
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
from comity.engine.memory_journal import MemoryJournal
from tests.actors.notebook import notebook
from tests.actors.shelf import Pages, write
domain = Domain(MemoryJournal(), deciders=[notebook], read_models=[Pages], models=sys.argv[1])
end = write(domain, "a", "p", "x")
domain.reached(Pages, end, timeout=10).result(10)
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
