"""Observers: each hook is called for what it says, in order, and harms nothing when it raises."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from tests.actors.faulty_journal import FaultyJournal, Overtaken, full
from tests.actors.notebook import (
    MISCHIEF,
    Misbehave,
    NotebookEvent,
    Stamp,
    Write,
    notebook,
    raising,
)
from tests.actors.shelf import until

from comity.actors import (
    Arrived,
    Committed,
    Domain,
    Ended,
    Loaded,
    Merged,
    Observer,
    Policy,
    Stepped,
)
from comity.engine import (
    Conflicted,
    DeciderFailed,
    Invalid,
    Outcome,
    Recorded,
    StorageFailed,
    StorageFull,
    WiringError,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.readmodels import ReadModel, Row, Table

ONCE = Stamp(page="p", stamps=1)


class Witness(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.facts: list[object] = []

    def arrived(self, fact: Arrived) -> None:
        self.facts.append(fact)

    def merged(self, fact: Merged) -> None:
        self.facts.append(fact)

    def committed(self, fact: Committed) -> None:
        self.facts.append(fact)

    def ended(self, facts: Sequence[Ended]) -> None:
        self.facts += facts

    def stepped(self, fact: Stepped) -> None:
        self.facts.append(fact)

    def loaded(self, fact: Loaded) -> None:
        self.facts.append(fact)

    def ends(self) -> list[str]:
        """How the commands ended, in order."""
        return [end for one in self.facts if (end := getattr(one, "end", None)) is not None]


@pytest.fixture
def witness() -> Iterator[Witness]:
    """An observer that keeps all."""
    yield Witness()
    MISCHIEF.clear()


def test_a_command_arrives_is_merged_committed_and_ends_in_this_order(witness: Witness) -> None:
    with Domain(MemoryJournal(), deciders=[notebook], observers=[witness]) as domain:
        receipt = domain.session("ann").aggregate(notebook, "a").send(ONCE).result(60)
    arrived, loaded, merged, committed, end = witness.facts
    assert isinstance(loaded, Loaded)
    assert (loaded.aggregate, loaded.version, loaded.events) == (receipt.aggregate, 0, 0)
    assert isinstance(arrived, Arrived)
    assert (arrived.command, arrived.sender.who, arrived.id) == (ONCE, "ann", receipt.id)
    assert isinstance(merged, Merged)
    assert (merged.outcome, merged.version, merged.preview) == (Outcome.APPLIED, 0, False)
    assert isinstance(committed, Committed)
    assert (committed.commands, committed.events, committed.error) == (1, 1, None)
    told = cast("Ended", end)
    assert (told.end, told.id, told.events) == ("applied", receipt.id, receipt.events)


def test_a_hook_has_been_called_when_the_answer_is_there(witness: Witness) -> None:
    with Domain(MemoryJournal(), deciders=[notebook], observers=[witness]) as domain:
        book = domain.aggregate(notebook, "a")
        for number in range(1, 30):
            book.send(ONCE).result(60)
            assert len(witness.ends()) == number


def test_a_merged_command_and_a_refusal_tell_their_reports(witness: Witness) -> None:
    with Domain(MemoryJournal(), deciders=[notebook], observers=[witness]) as domain:
        ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
        bob.send(Write(page="p", text="bob's")).result(60)
        ann.send(Write(page="q", text="hers"), seen=0).result(60)
        with pytest.raises(Conflicted):
            ann.send(Write(page="p", text="ann's"), seen=0).result(60)
        ann.preview(ONCE).result(60)
    merged = [one for one in witness.facts if isinstance(one, Merged)]
    assert [one.outcome for one in merged] == [
        Outcome.APPLIED, Outcome.MERGED, Outcome.CONFLICTED, Outcome.APPLIED,
    ]  # fmt: skip
    assert [one.report is not None for one in merged] == [False, True, True, False]
    assert [one.preview for one in merged] == [False, False, False, True]
    assert witness.ends() == ["applied", "merged", "conflicted", "previewed"]


def test_every_other_end_is_told_by_the_name_of_its_error(witness: Witness) -> None:
    journal = FaultyJournal()
    MISCHIEF["bug"] = raising(ValueError("bug"))
    with Domain(journal, deciders=[notebook], observers=[witness]) as domain:
        book = domain.aggregate(notebook, "a")
        with pytest.raises(Invalid):
            book.send(ONCE, seen=-1)
        with pytest.raises(DeciderFailed):
            book.send(Misbehave(name="bug", where="decide")).result(60)
        book.send(ONCE, id="x").result(60)
        book.send(ONCE, id="x").result(60)
        journal.fault = full
        with pytest.raises(StorageFull):
            book.send(ONCE).result(60)
    assert witness.ends() == ["invalid", "decider_failed", "applied", "repeated", "storage_full"]
    failed = [one for one in witness.facts if isinstance(one, Committed) and one.error]
    assert [(one.commands, one.events, type(one.error)) for one in failed] == [(1, 0, StorageFull)]


def test_loading_tells_how_much_was_read(witness: Witness, tmp_path: Path) -> None:
    path, policy = tmp_path / "d", Policy(snapshot_every=1_000)
    with Domain.open(path, deciders=[notebook], policy=policy) as domain:
        domain.aggregate(notebook, "a").send_many([ONCE] * 3).result(60)
    with Domain.open(path, deciders=[notebook], observers=[witness]) as domain:
        domain.aggregate(notebook, "a").send(ONCE).result(60)
    (loaded,) = [one for one in witness.facts if isinstance(one, Loaded)]
    assert (loaded.version, loaded.events, loaded.error) == (3, 3, None)


class Page(Row):
    page: str
    stamps: int


class Pages(ReadModel[NotebookEvent]):
    rows = Table(Page, key=lambda row: row.page)

    def project(self, event: NotebookEvent, at: Recorded) -> None:
        self.rows.put(Page(page=str(at.version), stamps=1))


def test_a_follower_tells_its_steps(witness: Witness, tmp_path: Path) -> None:
    with Domain.open(
        tmp_path / "d", deciders=[notebook], read_models=[Pages], observers=[witness]
    ) as domain:
        receipt = domain.aggregate(notebook, "a").send(ONCE).result(60)
        domain.reached(Pages, receipt, timeout=60).result(60)
    steps = [one for one in witness.facts if isinstance(one, Stepped)]
    assert ("read model Pages", 1, 1, None) in [
        (one.follower, one.position, one.events, one.error) for one in steps
    ]


class Clumsy(Observer):
    """Fails in every hook."""

    def arrived(self, fact: Arrived) -> None:
        raise ValueError("arrived")

    def merged(self, fact: Merged) -> None:
        raise KeyboardInterrupt

    def committed(self, fact: Committed) -> None:
        raise ValueError("committed")

    def ended(self, facts: Sequence[Ended]) -> None:
        raise SystemExit

    def loaded(self, fact: Loaded) -> None:
        raise ValueError("loaded")


def test_an_observer_that_raises_harms_neither_commands_nor_other_observers(
    witness: Witness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, logger="comity")
    with Domain(MemoryJournal(), deciders=[notebook], observers=[Clumsy(), witness]) as domain:
        receipt = domain.aggregate(notebook, "a").send(ONCE).result(60)
        assert receipt.outcome is Outcome.APPLIED
        assert domain.statistics().ends == {"applied": 1}
    assert witness.ends() == ["applied"]
    said = {record.getMessage().split("failed in ")[1] for record in caplog.records}
    assert {f"`{name}`; the domain goes on" for name in ("arrived", "merged", "ended")} <= said


class Ending(Observer):
    """Does something when a command has ended so."""

    def __init__(self, end: str, does: Callable[[], object]) -> None:
        self.end = end
        self.does = does

    def ended(self, facts: Sequence[Ended]) -> None:
        if any(one.end == self.end for one in facts):
            self.does()


@pytest.fixture
def held_up() -> Iterator[Overtaken]:
    """A journal whose first append waits."""
    journal = Overtaken()
    yield journal
    journal.released.set()


def test_a_hook_may_send_to_the_aggregate_whose_command_was_repeated(held_up: Overtaken) -> None:
    sent: list[object] = []
    watching = Ending("repeated", lambda: sent.append(book.send(ONCE).result))
    domain = Domain(held_up, deciders=[notebook], observers=[watching])
    book = domain.aggregate(notebook, "a")
    first = book.send(ONCE, id="x")
    assert held_up.entered.wait(60)
    again = threading.Thread(target=book.send, args=[ONCE], kwargs={"id": "x"}, daemon=True)
    again.start()
    again.join(60)
    assert len(sent) == 1
    held_up.released.set()
    first.result(60)
    domain.close()
    assert len(held_up._every) == 2  # pyright: ignore[reportPrivateUsage]


def test_a_command_that_closing_has_answered_does_not_end_again_when_it_is_durable(
    held_up: Overtaken, witness: Witness
) -> None:
    domain = Domain(held_up, deciders=[notebook], observers=[witness])
    book = domain.aggregate(notebook, "a")
    book.send(ONCE)
    assert held_up.entered.wait(60)
    domain.close(timeout=0.01)
    held_up.released.set()
    committer = domain._assembly.services.committer  # pyright: ignore[reportPrivateUsage]
    assert until(lambda: committer.idle)
    assert len(held_up._every) == 1  # pyright: ignore[reportPrivateUsage]
    assert witness.ends() == ["outcome_unknown"]


def test_a_hook_may_close_the_domain_that_is_being_closed(held_up: Overtaken) -> None:
    watching = Ending("outcome_unknown", lambda: domain.close(timeout=3_600))
    domain = Domain(held_up, deciders=[notebook], observers=[watching])
    domain.aggregate(notebook, "a").send(ONCE)
    assert held_up.entered.wait(60)
    closing = threading.Thread(target=domain.close, args=[0.01], daemon=True)
    closing.start()
    closing.join(60)
    assert not closing.is_alive()


def test_a_preview_while_the_disk_fails_is_no_failed_commit(witness: Witness) -> None:
    journal = FaultyJournal()
    with Domain(journal, deciders=[notebook], observers=[witness]) as domain:
        book = domain.aggregate(notebook, "a")
        journal.fault, journal.recoverable = full, False
        with pytest.raises(StorageFull):
            book.send(ONCE).result(60)
        with pytest.raises(StorageFailed):
            book.preview(ONCE).result(60)
        assert domain.statistics().failed_commits == 1
        journal.fault, journal.recoverable = None, True
    assert [one.commands for one in witness.facts if isinstance(one, Committed)] == [1]


@pytest.mark.parametrize(
    "wrong",
    [lambda: [Witness], lambda: [print], lambda: "ab", lambda: None],
    ids=["a class", "a function", "a text", "nothing"],
)
def test_what_is_no_observer_is_refused_before_anything_is_made(
    wrong: Callable[[], object], tmp_path: Path
) -> None:
    with pytest.raises(WiringError, match="observers"):
        Domain.open(tmp_path / "d", deciders=[notebook], observers=cast("list[Observer]", wrong()))
    assert not (tmp_path / "d").exists()
