"""Several processes over one path, all of which take commands for the same aggregates."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from tests.actors.notebook import Stamp, Write, notebook
from tests.engine.program import Program

from comity.actors import Domain
from comity.engine import Conflicted, Expired, Outcome

SETTING = """
import json, time
from tests.actors.notebook import *
from comity.actors import Domain

def opened(path):
    global domain, book
    domain = Domain.open(path, deciders=[notebook])
    book = domain.aggregate(notebook, "a")

def told(pendings):
    print(json.dumps([(one.outcome, one.version) for one in
                      (pending.result(60) for pending in pendings)]), flush=True)
print("ready", flush=True)
"""

Open = Callable[[Path], Program]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Another process; each test opens a domain there."""
    made = Program(tmp_path_factory.mktemp("unused"))
    try:
        assert made.run(SETTING) == "ready"
        yield made
    finally:
        made.kill()


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Domain]:
    with Domain.open(tmp_path / "journal", deciders=[notebook]) as opened:
        yield opened


@pytest.fixture
def other(program: Program, domain: Domain, tmp_path: Path) -> Iterator[Program]:
    """The other process, with the domain open: `domain` there, and `book`, its notebook "a"."""
    assert program.run(f"opened({str(tmp_path / 'journal')!r}); print('open')") == "open"
    yield program
    assert program.run("domain.close(); print('closed')") == "closed"


def told(other: Program) -> list[tuple[str, int]]:
    """The outcome and version of each command that was sent there last."""
    return [(outcome, version) for outcome, version in json.loads(other.line())]


def test_each_command_takes_effect_once_and_in_the_order_of_its_sender(
    domain: Domain, other: Program
) -> None:
    book = domain.aggregate(notebook, "a")
    other.begin("told([book.send(Stamp(page='p', stamps=1)) for _ in range(400)])")
    here = [pending.result(60).version for pending in [
        book.send(Stamp(page="p", stamps=1)) for _ in range(400)
    ]]  # fmt: skip
    there = [version for _, version in told(other)]
    assert here == sorted(here)
    assert there == sorted(there)
    assert sorted(here + there) == list(range(1, 801))
    assert book.look().state.stamps == {"p": 800}


def test_one_command_sent_to_both_with_one_id_takes_effect_once(
    domain: Domain, other: Program
) -> None:
    book = domain.aggregate(notebook, "a")
    ids = [f"id {number}" for number in range(100)]
    other.begin(f"told([book.send(Stamp(page='p', stamps=1), id=one) for one in {ids}])")
    here = [book.send(Stamp(page="p", stamps=1), id=one) for one in ids]
    answers = [(str(one.outcome), one.version) for one in (each.result(60) for each in here)]
    assert told(other) == answers
    assert book.version == 100


def test_a_session_that_goes_on_elsewhere_has_seen_its_own_commands(
    domain: Domain, other: Program
) -> None:
    here = domain.session("ann", id="s").aggregate(notebook, "a")
    other.begin(
        dedent("""
            there = domain.session("ann", id="s").aggregate(notebook, "a")
            told([there.send(Write(page="p", text=f"there {n}"), seen=0) for n in range(50)])
        """)
    )
    sent = [here.send(Write(page="p", text=f"here {n}"), seen=0) for n in range(50)]
    receipts = [pending.result(60) for pending in sent]
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert {outcome for outcome, _ in told(other)} == {"applied"}
    assert {receipt.report.unseen for receipt in receipts} == {0}
    bob = domain.session("bob", id="t").aggregate(notebook, "a")
    with pytest.raises(Conflicted):
        bob.do(Write(page="p", text="bob"), seen=0)


def test_what_another_process_wrote_is_unseen_until_it_was_looked_at(
    domain: Domain, other: Program
) -> None:
    book = domain.session("ann").aggregate(notebook, "a")
    book.do(Write(page="p", text="ann"))
    seen = book.look().version
    other.run("print(book.do(Write(page='p', text='eve')).version)")
    assert book.preview(Write(page="q", text="x"), seen=seen).result(60).version == 2
    with pytest.raises(Conflicted):
        book.do(Write(page="p", text="ann again"), seen=seen)
    assert book.do(Write(page="p", text="ann again"), seen=2).version == 3


def test_a_process_that_is_killed_while_the_others_wait_for_it_holds_up_nobody(
    domain: Domain, tmp_path: Path
) -> None:
    """While it is only stopped, what has waited too long for it is not decided."""
    book, dying = domain.aggregate(notebook, "a"), Program(tmp_path)
    try:
        dying.run(SETTING)
        dying.run(f"opened({str(tmp_path / 'journal')!r}); print('open')")
        dying.run(
            dedent("""
                from comity.actors.aggregates import contention
                domain._assembly.live.find(book.id).expect_others(time.monotonic() + 1000)
                MISCHIEF["die"] = lambda: (print("deciding", flush=True), time.sleep(1000))
                book.send(Misbehave(name="die", where="decide"))
            """)
        )
        dying.stop()
        actor = domain._assembly.live.find(book.id)  # pyright: ignore[reportPrivateUsage]
        actor.expect_others(time.monotonic() + 1000)
        late = book.send(Stamp(page="p", stamps=1), deadline=0.1)  # it waits for the lock
        with pytest.raises(Expired):
            late.result(60)
        pending = book.send(Stamp(page="p", stamps=1))
    finally:
        dying.kill()
    assert pending.result(60).version == 1
    assert book.version == 1
