"""Asks that race with everything that can happen to them: none is lost, and no answer is untrue.

A seed says what is sent and what happens; who is quicker it does not say.
"""

from __future__ import annotations

import logging
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest
from tests.actors.faulty_journal import FaultyJournal, full, lost, out_of_memory, stored
from tests.actors.notebook import (
    MISCHIEF,
    Misbehave,
    Notebook,
    NotebookCommand,
    NotebookEvent,
    Stamp,
    Write,
    Written,
    notebook,
    raising,
)
from tests.actors.shelf import until

from comity.actors import Aggregate, Domain, Pending, Policy
from comity.actors.runtime.pending import settle
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine import (
    AggregateId,
    Closed,
    ComityError,
    NotExecuted,
    Outcome,
    OutcomeUnknown,
    Preview,
    Receipt,
    Refused,
    StorageFailed,
)
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import store

ROUND = 1_000
"""Asks of each sender between two closings, at the most."""
SENDERS = 4
BOOKS = 12
POLICY = Policy(max_live=6, inbox=16, idle=0.02, failures=3, quarantine=0.02, back_off=0.001)

Answer: TypeAlias = "Receipt[NotebookEvent] | Preview[NotebookEvent] | ComityError"
Book: TypeAlias = Aggregate[Notebook, NotebookCommand, NotebookEvent]


class Unreliable(FaultyJournal):
    """A disk, and another process, that do what the dice say."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice
        self._foreign = 0
        self._must_recover = False
        self._hidden: set[str] = set()  # of what failed midway

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Append, or do not, or do and say nothing of it."""
        if self._must_recover:
            msg = "recover first"
            raise StorageFailed(msg)
        luck = self._dice.random()
        try:
            if turns and luck < 0.05:
                return self._dice.choice([full, lost, stored, out_of_memory])(self, turns)
        except (OutcomeUnknown, MemoryError):
            self._must_recover = True
            self._hidden = {each for turn in turns for each in turn.ids}
            raise
        if turns and luck < 0.1:
            self._overtake(turns[0].aggregate)
        return super().append(turns, snapshots)

    def recover(self) -> None:
        """Not always at once."""
        self.recoverable = self._dice.random() < 0.5
        super().recover()
        self._must_recover = False
        self._hidden = set()

    def find(self, command_id: str) -> Record | None:
        """What failed midway it does not show before it is recovered."""
        return None if command_id in self._hidden else super().find(command_id)

    def open_again(self) -> None:
        """As the next process would."""
        assert until(lambda: self._closed)
        self._closed = self._must_recover = False
        self._hidden = set()

    def ids(self) -> set[str]:
        """Of every command that is stored."""
        return set(self._ids)

    def _overtake(self, aggregate: AggregateId) -> None:
        self._foreign += 1
        note = Note("eve", "e", None, "Write", None, Outcome.APPLIED, {}, None, None, None).pack()
        event = store(Written(page="eve", text=f"{self._foreign}"))
        here = self.version(aggregate)
        self.really_append(
            [Turn.of(aggregate, here, (Entry(f"eve-{self._foreign}", (event,), 0, note),))]
        )


class Sending:
    """One sending of a command, and which earlier ones of its id were over when it was sent."""

    def __init__(self, ask: Callable[[], Pending[Any]], before: Sequence[Sending]) -> None:
        self._pending: Pending[Any] | None = None
        self._raised: ComityError | None = None
        try:
            self._pending = ask()
        except ComityError as error:
            self._raised = error
        self.over = [each for each in before if each.done()]

    def done(self) -> bool:
        """Whether it is answered."""
        return self._pending is None or self._pending.done()

    @property
    def id(self) -> str | None:
        """That of the command, if it was let in."""
        return self._pending.id if self._pending else None

    @property
    def answer(self) -> Answer | None:
        """What was answered."""
        return self._pending.answer() if self._pending else self._raised


class Sender:
    """Sends to any book, in any way, some of it again and again, and waits for some of it."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._name = f"done-{seed}"
        self.others: list[Sending] = []
        """Previews, and what was not let in: nothing is sent again of these."""
        self.by_id: dict[str, list[Sending]] = {}
        self.sent = 0

    def work(self, domain: Domain) -> None:
        """Until the domain is closed."""
        for _ in range(ROUND):
            key = f"b{self._dice.randrange(BOOKS)}"
            book = domain.session("ann").aggregate(notebook, key)
            if self._send(book):
                return

    def _send(self, book: Book) -> bool:
        dice = self._dice
        command, seen = self._command()
        deadline = dice.choice([None, None, None, 0.002])
        if dice.random() < 0.1:
            self.others.append(Sending(lambda: book.preview(command, deadline=deadline), ()))
            self.sent += 1
            return False
        if dice.random() < 0.1:
            first = Sending(lambda: self._done(book, command, seen), ())
        else:
            first = Sending(lambda: book.send(command, seen, deadline=deadline), ())
        sendings = [first]
        while dice.random() < 0.4 and (id_ := first.id):
            deadline = dice.choice([None, 0.002])
            sendings.append(
                Sending(lambda: book.send(command, seen, id=id_, deadline=deadline), sendings)  # noqa: B023
            )
        self.sent += len(sendings)
        if first.id:
            self.by_id[first.id] = sendings
        else:
            self.others.append(first)
        if dice.random() < 0.05:
            assert until(sendings[-1].done)
        return isinstance(sendings[-1].answer, Closed)

    def _done(self, book: Book, command: NotebookCommand, seen: int | None) -> Pending[Answer]:
        pending: Pending[Answer] = Pending(f"{self._name}-{self.sent}", THREADS)
        try:
            settle([(pending, book.do(command, seen, id=pending.id))])
        except ComityError as error:
            settle([(pending, error)])
        return pending

    def _command(self) -> tuple[NotebookCommand, int | None]:
        luck = self._dice.random()
        if luck < 0.005:
            return Misbehave(name="bug", where=self._dice.choice(["decide", "evolve"])), None
        if luck < 0.2:
            return Write(page="p", text=f"{luck}"), 0  # clashes with whatever was written
        return Stamp(page="p", stamps=1), None


def play(seed: int, asks: int) -> Counter[str]:
    """Send so many; how they ended."""
    dice = random.Random(seed)
    journal = Unreliable(random.Random(seed + 1))
    senders = [Sender(seed + 2 + number) for number in range(SENDERS)]
    MISCHIEF["bug"] = raising(ValueError("bug"))
    while sum(sender.sent for sender in senders) < asks:
        domain = Domain(journal, deciders=[notebook], policy=POLICY)
        threads = [threading.Thread(target=sender.work, args=[domain]) for sender in senders]
        for thread in threads:
            thread.start()
        threads[0].join(dice.uniform(0.05, 2))
        domain.close(dice.choice([0.0, 0.05, 5.0]))
        for thread in threads:
            thread.join(60)
        journal.open_again()
    return check(senders, journal.ids())


def check(senders: Sequence[Sender], kept: set[str]) -> Counter[str]:
    """All are answered, truly; how."""
    ends: Counter[str] = Counter()
    for sender in senders:
        for other in sender.others:
            assert other.done()
            assert not isinstance(other.answer, Receipt)
            ends[type(other.answer).__name__] += 1
        for id_, sendings in sender.by_id.items():
            for number, sending in enumerate(sendings):
                assert sending.done(), f"sending {number} of {id_} was never answered"
                true(sending, sendings[number + 1 :], stored_as=id_ in kept)
                ends[type(sending.answer).__name__] += 1
            receipts = [each.answer for each in sendings if isinstance(each.answer, Receipt)]
            versions = {receipt.version for receipt in receipts}
            assert len(versions) <= 1, f"{id_} has happened at {versions}"
    return ends


def true(sending: Sending, later: Sequence[Sending], *, stored_as: bool) -> None:
    """Whether what was answered is so; who was told that nothing was done may have sent again."""
    answer = sending.answer
    if isinstance(answer, Receipt | Refused):
        assert stored_as, f"{answer!r} and nothing is stored"
    elif isinstance(answer, NotExecuted):
        again = any(sending in each.over for each in later)
        assert again or not stored_as, f"{answer!r} and it is stored"
    else:
        assert isinstance(answer, OutcomeUnknown), repr(answer)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")


def test_of_ten_thousand_asks_that_race_none_is_lost_and_none_is_answered_untruly() -> None:
    ends = play(seed=1, asks=10_000)
    MISCHIEF.clear()
    print(f"\n{ends.total():,} asks, 0 unanswered, 0 untrue: {dict(ends.most_common())}")
    assert {"Receipt", "Preview", "Conflicted", "Busy", "Expired", "StorageFailed"} <= ends.keys()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_of_many_more_asks_none_is_lost_and_none_is_answered_untruly() -> None:
    asks = int(os.environ.get("COMITY_ASKS", "1000000"))
    for seed in range(2, 2 + asks // 50_000):
        ends = play(seed, asks=50_000)
        print(f"\nseed {seed}: {ends.total():,} asks, 0 unanswered, 0 untrue: {dict(ends)}")
    MISCHIEF.clear()
