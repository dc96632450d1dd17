"""Bugs in domain code, a failing disk, an overload: who is harmed, and who is not."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence

import pytest
from tests.actors.faulty_journal import FaultyJournal, full, lost, out_of_memory, stored
from tests.actors.notebook import (
    MISCHIEF,
    Misbehave,
    NotebookEvent,
    Stall,
    Stamp,
    Stamped,
    Write,
    notebook,
    raising,
)
from tests.actors.shelf import until

from comity.actors import Domain, Pending, Policy
from comity.actors.aggregates.aggregate_actor import AggregateActor
from comity.actors.aggregates.decided_turn import DecidedTurn
from comity.actors.aggregates.task import Task
from comity.actors.observing.facts import Ended
from comity.actors.observing.observer import Observer
from comity.actors.runtime.rest import Rest
from comity.actors.runtime.thread_runtime import THREADS, ThreadRuntime
from comity.engine import (
    Busy,
    Closed,
    ComityError,
    DeciderFailed,
    Expired,
    Invalid,
    NotExecuted,
    Outcome,
    OutcomeUnknown,
    Quarantined,
    Receipt,
    StorageFailed,
    StorageFull,
)
from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import IdReused
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import store

EVERY_KIND = [
    ValueError("v"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(),
    MemoryError(), RecursionError("r"), StopIteration(),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet_and_clean(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, logger="comity")
    yield
    MISCHIEF.clear()


@pytest.mark.parametrize("where", ["decide", "evolve"])
@pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: type(error).__name__)
def test_a_bug_fails_its_command_alone(where: str, error: BaseException, domain: Domain) -> None:
    book, other = domain.aggregate(notebook, "a"), domain.aggregate(notebook, "b")
    MISCHIEF["bug"] = raising(error)
    before = book.send(Write(page="p", text="before"))
    failed = book.send(Misbehave(name="bug", where=where))
    after = book.send(Write(page="q", text="after"))
    with pytest.raises(DeciderFailed, match=type(error).__name__):
        failed.result(60)
    assert [before.result(60).version, after.result(60).version] == [1, 2]
    assert domain.state(book).pages == {"p": "before", "q": "after"}
    assert other.send(Write(page="p", text="x")).result(60).outcome is Outcome.APPLIED


class Speechless(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        msg = "no text"
        raise RuntimeError(msg)


@pytest.mark.parametrize("where", ["decide", "evolve"])
def test_a_bug_that_cannot_even_say_what_it_is_fails_its_command_alone(
    where: str, domain: Domain
) -> None:
    book = domain.aggregate(notebook, "a")
    MISCHIEF["bug"] = raising(Speechless())
    failed = book.send(Misbehave(name="bug", where=where))
    after = book.send(Write(page="q", text="after"))
    with pytest.raises(DeciderFailed, match="Speechless"):
        failed.result(60)
    assert after.result(60).version == 1


def test_an_aggregate_that_cannot_even_say_why_it_is_not_loaded_answers(
    monkeypatch: pytest.MonkeyPatch, domain: Domain
) -> None:
    monkeypatch.setattr(notebook, "initial", raising(Speechless()))
    with pytest.raises(DeciderFailed, match="Speechless"):
        domain.aggregate(notebook, "a").send(Write(page="q", text="after")).result(60)


def test_a_turn_that_fails_answers_whatever_it_had_taken(
    monkeypatch: pytest.MonkeyPatch, domain: Domain
) -> None:
    stall = MISCHIEF["stall"] = Stall()
    book = domain.aggregate(notebook, "a")
    held = book.send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)
    pendings = [book.send(Stamp(page="p", stamps=1)) for _ in range(9)]
    take = AggregateActor._take  # pyright: ignore[reportPrivateUsage]
    failed: list[int] = []

    def no_memory(self: AggregateActor, task: Task, turn: DecidedTurn) -> bool:
        if len(turn.tasks) == 3 and not failed:
            failed.append(1)
            raise MemoryError
        return take(self, task, turn)

    monkeypatch.setattr(AggregateActor, "_take", no_memory)
    stall.released.set()
    held.result(60)
    ends = [ended(pending) for pending in pendings]
    assert ends == [DeciderFailed] * 9
    assert book.send(Stamp(page="p", stamps=1)).result(60).version == 2


def ended(pending: Pending[Receipt[NotebookEvent]]) -> object:
    """A receipt's version, or the class of the error."""
    try:
        return pending.result(60).version
    except ComityError as error:
        return type(error)


def test_what_a_buggy_decide_changed_in_the_state_is_undone(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    MISCHIEF["bug"] = raising(ValueError("half way"))
    with pytest.raises(DeciderFailed):
        book.send(Misbehave(name="bug", where="decide")).result(60)
    assert book.send(Write(page="half", text="done")).result(60).outcome is Outcome.APPLIED


class Ahead(ThreadRuntime):
    """Threads, and a clock that a test may put forward."""

    ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def test_an_aggregate_that_fails_again_and_again_is_quarantined_while_others_run(
    journal: MemoryJournal,
) -> None:
    runtime = Ahead()
    policy = Policy(failures=3, back_off=0.001, failure_window=300, quarantine=300)
    MISCHIEF["bug"] = raising(ValueError("again"))
    with Domain(journal, deciders=[notebook], policy=policy, runtime=runtime) as domain:
        book, other = domain.aggregate(notebook, "a"), domain.aggregate(notebook, "b")
        for _ in range(3):
            with pytest.raises(DeciderFailed):
                book.send(Misbehave(name="bug", where="decide")).result(60)
        with pytest.raises(Quarantined, match="failed 3 times within 300 s"):
            book.send(Write(page="p", text="x")).result(60)
        assert other.send(Write(page="p", text="x")).result(60).outcome is Outcome.APPLIED
        runtime.ahead += 300
        assert book.send(Write(page="p", text="x")).result(60).outcome is Outcome.APPLIED


def test_a_stalled_decide_holds_up_its_own_aggregate_only(domain: Domain) -> None:
    stall = MISCHIEF["stall"] = Stall()
    held = domain.aggregate(notebook, "a").send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)
    free = domain.aggregate(notebook, "b").send(Write(page="p", text="x"))
    assert free.result(60).outcome is Outcome.APPLIED
    assert not held.done()
    stall.released.set()
    assert held.result(60).outcome is Outcome.APPLIED


def test_a_full_inbox_answers_busy_at_once_with_a_hint(journal: MemoryJournal) -> None:
    stall = MISCHIEF["stall"] = Stall()
    with Domain(journal, deciders=[notebook], policy=Policy(inbox=10)) as domain:
        book = domain.aggregate(notebook, "a")
        book.send(Misbehave(name="stall", where="decide"))
        assert stall.entered.wait(60)
        with pytest.raises(Busy, match="its bound; try again in") as busy:
            for _ in range(20):
                book.send(Stamp(page="p", stamps=1))
        assert busy.value.retry_after > 0
        stall.released.set()


def test_a_batch_that_does_not_fit_is_refused_whole(journal: MemoryJournal) -> None:
    with Domain(journal, deciders=[notebook], policy=Policy(inbox=10)) as domain:
        with pytest.raises(Invalid, match="can never fit"):
            domain.aggregate(notebook, "a").send_many([Stamp(page="p", stamps=1)] * 11)
        assert journal.position() == 0


def test_a_command_past_its_deadline_is_never_decided(domain: Domain) -> None:
    stall = MISCHIEF["stall"] = Stall()
    book = domain.aggregate(notebook, "a")
    book.send(Misbehave(name="stall", where="decide"))
    assert stall.entered.wait(60)
    late = book.send(Write(page="p", text="late"), deadline=0.05)
    with pytest.raises(Expired):
        late.result(60)  # answered while its aggregate is still held up
    stall.released.set()
    book.send(Write(page="q", text="x")).result(60)
    assert "p" not in domain.state(book).pages


def test_a_command_expires_while_its_aggregate_rests(journal: MemoryJournal) -> None:
    MISCHIEF["bug"] = raising(ValueError("again"))
    with Domain(journal, deciders=[notebook], policy=Policy(back_off=60.0)) as domain:
        book = domain.aggregate(notebook, "a")
        for _ in range(2):
            with pytest.raises(DeciderFailed):
                book.send(Misbehave(name="bug", where="decide")).result(60)
        late = book.send(Write(page="p", text="late"), deadline=0.05)
        again = book.send(Write(page="q", text="late"), deadline=0.05, id="again")
        in_time = book.send(Write(page="r", text="x"))
        with pytest.raises(Expired):
            late.result(60)
        with pytest.raises(Expired):
            again.result(60)
        assert not in_time.done()
        domain.close(timeout=0.1)
        with pytest.raises(Closed):
            in_time.result(60)


def test_no_rest_is_longer_than_a_quarantine() -> None:
    rest = Rest(Policy(failures=5_000, failure_window=600.0, back_off=1.0, quarantine=7.0), THREADS)
    for _ in range(4_000):
        rest.begin()
    assert not rest.quarantined
    assert rest.left() <= 7.0


def test_idle_aggregates_leave_memory_and_come_back_with_a_snapshot() -> None:
    policy = Policy(max_live=10, snapshot_every=5)
    journal = MemoryJournal()
    with Domain(journal, deciders=[notebook], policy=policy) as domain:
        for n in range(30):
            book = domain.aggregate(notebook, f"k{n}")
            book.send_many([Stamp(page="p", stamps=1)] * 6).result(60)
        assert domain.statistics().live <= 10
        first = domain.aggregate(notebook, "k0")
        assert until(lambda: journal.snapshot(first.id) is not None)
        kept = journal.snapshot(first.id)
        assert kept is not None
        assert kept.version == 6
        assert first.send(Stamp(page="p", stamps=1), seen=2).result(60).version == 7
        assert domain.state(first).stamps == {"p": 7}


def test_aggregates_idle_for_long_leave_memory() -> None:
    with Domain(MemoryJournal(), deciders=[notebook], policy=Policy(idle=0.1)) as domain:
        domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1)).result(60)
        assert until(lambda: domain.statistics().live == 0)


def test_a_full_disk_refuses_commands_and_writing_resumes_when_there_is_room() -> None:
    journal = FaultyJournal()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        book.send(Stamp(page="p", stamps=1)).result(60)
        journal.fault = full
        for _ in range(3):
            with pytest.raises(StorageFull):
                book.send(Stamp(page="p", stamps=1)).result(60)
        assert domain.state(book).stamps == {"p": 1}
        journal.fault = None
        assert book.send(Stamp(page="p", stamps=1)).result(60).version == 2


def test_after_a_failed_commit_the_truth_is_looked_up_not_stored() -> None:
    journal = FaultyJournal()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        book.send(Stamp(page="p", stamps=1)).result(60)
        journal.fault = lost
        with pytest.raises(StorageFailed, match="holds nothing of this command"):
            book.send(Stamp(page="p", stamps=1)).result(60)
        assert book.send(Stamp(page="p", stamps=1)).result(60).version == 2


def test_after_a_failed_commit_the_truth_is_looked_up_stored() -> None:
    journal = FaultyJournal()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        journal.fault = stored
        assert book.send(Stamp(page="p", stamps=1)).result(60).version == 1
        assert book.send(Stamp(page="p", stamps=1)).result(60).version == 2


def test_whatever_comes_out_of_a_commit_leads_to_the_truth() -> None:
    journal = FaultyJournal()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        journal.fault = out_of_memory
        with pytest.raises(StorageFailed):
            book.send(Stamp(page="p", stamps=1)).result(60)
        assert book.send(Stamp(page="p", stamps=1)).result(60).version == 1


def test_while_the_journal_cannot_be_recovered_outcomes_are_unknown_and_the_id_tells_later() -> (
    None
):
    journal = FaultyJournal()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        journal.fault, journal.recoverable = stored, False
        unknown = book.send(Stamp(page="p", stamps=1))
        with pytest.raises(OutcomeUnknown, match="same id"):
            unknown.result(60)
        with pytest.raises(StorageFailed):
            book.send(Stamp(page="p", stamps=1)).result(60)
        journal.recoverable = True
        assert until(lambda: _is_taken(book.send(Stamp(page="q", stamps=1))))
        assert book.send(Stamp(page="p", stamps=1), id=unknown.id).result(60).version == 1
        assert domain.state(book).stamps == {"p": 1, "q": 1}


def _is_taken(pending: Pending[Receipt[NotebookEvent]]) -> bool:
    try:
        pending.result(60)
    except StorageFailed:
        return False
    return True


@pytest.mark.parametrize("fault", [full, lost, stored, out_of_memory])
def test_commands_decided_on_a_state_that_did_not_come_about_are_decided_again(
    fault: object,
) -> None:
    journal = FaultyJournal()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        done = 0
        for round_ in range(20):
            pendings = [book.send(Stamp(page="p", stamps=1)) for _ in range(50)]
            if round_ % 3 == 0:
                journal.fault = fault  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue] - one of the four
            pendings += [book.send(Stamp(page="p", stamps=1)) for _ in range(50)]
            for pending in pendings:
                try:
                    pending.result(60)
                    done += 1
                except NotExecuted:
                    journal.fault = None
        assert domain.state(book).stamps == {"p": done}
        assert journal.position() == done


class StolenId(MemoryJournal):
    """Its first append stores a stranger's command with the same id, and gives no answer."""

    stolen = False

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Append, but for the first time."""
        if self.stolen or not turns:
            return super().append(turns, snapshots)
        self.stolen = True
        note = Note("eve", "e", None, "Stamp", None, Outcome.APPLIED, {}, None, None, None)
        entry = Entry(turns[0].ids[0], (store(Stamped(page="p", stamps=1)),), 5, note.pack())
        super().append([Turn.of(AggregateId("notebook", "eve's"), 0, [entry])])
        raise OutcomeUnknown("no answer")


def test_a_decision_that_was_not_stored_is_not_told_because_its_id_was_used_elsewhere() -> None:
    told: list[Ended] = []

    class Ends(Observer):
        def ended(self, facts: Sequence[Ended]) -> None:
            told.extend(facts)

    with Domain(StolenId(), deciders=[notebook], observers=[Ends()]) as domain:
        pending = domain.aggregate(notebook, "a").send(Stamp(page="p", stamps=1), id="once")
        with pytest.raises(IdReused):
            pending.result(60)
        assert [(one.outcome, one.events) for one in told] == [(None, ())]
