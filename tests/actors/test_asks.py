"""Every way a command can end: each ask is answered, and what it is answered is true."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias, cast

import pytest
from tests.actors.faulty_journal import FaultyJournal, full, lost, out_of_memory, stored
from tests.actors.notebook import (
    MISCHIEF,
    Misbehave,
    Notebook,
    NotebookCommand,
    NotebookEvent,
    Stall,
    Stamp,
    Written,
    notebook,
    raising,
)
from tests.actors.shelf import until

from comity.actors import Aggregate, Domain, Pending, Policy
from comity.engine import (
    AggregateId,
    ComityError,
    NotExecuted,
    Outcome,
    OutcomeUnknown,
    Preview,
    Receipt,
    Refused,
)
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.result import Result
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import store

Book: TypeAlias = Aggregate[Notebook, NotebookCommand, NotebookEvent]
Answer: TypeAlias = Receipt[NotebookEvent] | Preview[NotebookEvent] | ComityError
Ask: TypeAlias = tuple[str, Callable[[], Answer]]
"""The id of a command, and what waits for its answer."""

ONCE = Stamp(page="p", stamps=1)


@pytest.fixture(autouse=True)
def _quiet_and_clean(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, logger="comity")
    yield
    MISCHIEF.clear()


# --- kinds of asks --------------------------------------------------------------------------------


def waits(pending: Pending[Receipt[NotebookEvent]] | Pending[Preview[NotebookEvent]]) -> Ask:
    """Waits for a pending."""

    def answer() -> Answer:
        try:
            return pending.result(60)
        except ComityError as error:
            return error

    return pending.id, answer


def done_by_a_thread(book: Book, deadline: float | None) -> list[Ask]:
    """`do`, on a thread of its own."""
    answers: list[Answer] = []

    def work() -> None:
        try:
            answers.append(book.do(ONCE, id="done", deadline=deadline))
        except ComityError as error:
            answers.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def answer() -> Answer:
        thread.join(60)
        assert answers, "do did not come back"
        return answers[0]

    return [("done", answer)]


def sent_again(book: Book, deadline: float | None) -> list[Ask]:
    """With the id of the first."""
    first = book.send(ONCE, deadline=deadline)
    return [waits(first), waits(book.send(ONCE, id=first.id, deadline=deadline))]


KINDS: dict[str, Callable[[Book, float | None], list[Ask]]] = {
    "send": lambda book, deadline: [waits(book.send(ONCE, deadline=deadline))],
    "send thrice with one id": lambda book, deadline: [
        waits(book.send(ONCE, id="x", deadline=deadline)) for _ in range(3)
    ],
    "send again": sent_again,
    "preview": lambda book, deadline: [waits(book.preview(ONCE, deadline=deadline))],
    "a batch": lambda book, deadline: [
        waits(one) for one in book.send_many([ONCE] * 3, deadline=deadline).pendings
    ],
    "do": done_by_a_thread,
}


# --- what becomes of them -------------------------------------------------------------------------


class Scene:
    """A domain in which something happens to what a kind of ask has sent to one book."""

    def __init__(self, kind: str, policy: Policy | None = None) -> None:
        self.journal = FaultyJournal()
        self.domain = Domain(self.journal, deciders=[notebook], policy=policy)
        self.book = self.domain.aggregate(notebook, "a")
        self.asks: list[Ask] = []
        self.sent = 0
        self._kind = KINDS[kind]

    def ask(self, deadline: float | None = None) -> None:
        """Send, however it is done."""
        new = self._kind(self.book, deadline)
        self.asks += new
        self.sent += len(new)
        time.sleep(0.02 if new[0][0] == "done" else 0)

    def held_up(self) -> Stall:
        """The book is held up in a decision."""
        stall = MISCHIEF["stall"] = Stall()
        self.sent += 1
        self.asks.append(waits(self.book.send(Misbehave(name="stall", where="decide"))))
        assert stall.entered.wait(60)
        return stall

    def disk_held_up(self, then: Callable[[FaultyJournal], None]) -> threading.Event:
        """The disk is held up with a command; once it is let go, it goes on so."""
        entered, released = threading.Event(), threading.Event()

        def hold(journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
            entered.set()
            assert released.wait(30)
            journal.fault = None
            then(journal)
            return journal.append(turns)

        self.journal.fault = hold
        self.sent += 1
        self.asks.append(waits(self.book.send(ONCE)))
        assert entered.wait(60)
        return released


def nothing(scene: Scene) -> None:
    """Nothing becomes of them."""
    scene.ask()


def a_failing_commit(scene: Scene) -> None:
    """Not a byte was written."""
    scene.journal.fault = lost
    scene.ask()


def a_commit_that_is_not_heard_of(scene: Scene) -> None:
    """All was written, and it looked like a failure."""
    scene.journal.fault = stored
    scene.ask()


def too_little_memory(scene: Scene) -> None:
    """Neither."""
    scene.journal.fault = out_of_memory
    scene.ask()


def a_full_disk(scene: Scene) -> None:
    """For ever."""
    scene.journal.fault = full
    scene.ask()


def a_disk_that_is_gone(scene: Scene) -> None:
    """So that nobody knows what is on it."""
    scene.journal.fault, scene.journal.recoverable = stored, False
    scene.ask()


def a_state_that_did_not_come_about(scene: Scene) -> None:
    """They were decided while a commit was under way that failed."""

    def fail(journal: FaultyJournal) -> None:
        journal.fault = lost

    released = scene.disk_held_up(then=fail)
    scene.ask()
    time.sleep(0.05)
    released.set()


def another_process_that_was_first(scene: Scene) -> None:
    """They were decided, and it had appended."""

    def overtake(journal: FaultyJournal) -> None:
        note = Note("eve", "e", None, "Write", None, Outcome.APPLIED, {}, None, None, None).pack()
        event = store(Written(page="p", text="eve"))
        here = AggregateId("notebook", "a")
        journal.really_append([Turn.of(here, 0, (Entry("eve-1", (event,), 0, note),))])

    released = scene.disk_held_up(then=overtake)
    scene.ask()
    time.sleep(0.05)
    released.set()


def a_deadline(scene: Scene) -> None:
    """It passes while something else is decided."""
    stall = scene.held_up()
    scene.ask(deadline=0.02)
    time.sleep(0.3)
    stall.released.set()


def a_bug_before_them(scene: Scene) -> None:
    """In the decision of somebody else."""
    MISCHIEF["bug"] = raising(ValueError("bug"))
    stall = scene.held_up()
    scene.sent += 1
    scene.asks.append(waits(scene.book.send(Misbehave(name="bug", where="evolve"))))
    scene.ask()
    stall.released.set()


def quarantine(scene: Scene) -> None:
    """The book has failed too often."""
    MISCHIEF["bug"] = raising(ValueError("bug"))
    stall = scene.held_up()
    for _ in range(5):
        scene.sent += 1
        scene.asks.append(waits(scene.book.send(Misbehave(name="bug", where="decide"))))
    scene.ask()
    stall.released.set()


def no_room_in_memory(scene: Scene) -> None:
    """Others want to be there."""
    released = scene.disk_held_up(then=lambda _: None)
    scene.ask()
    other = scene.domain.aggregate(notebook, "b")
    for _ in range(5):
        with suppress(NotExecuted):
            scene.asks.append(waits(other.send(ONCE)))
        scene.sent += 1
    released.set()


def closing(scene: Scene) -> None:
    """As it should be."""
    scene.ask()
    scene.domain.close()


def closing_in_a_decision(scene: Scene) -> None:
    """It takes too long."""
    stall = scene.held_up()
    scene.ask()
    scene.domain.close(timeout=0.1)
    stall.released.set()


def closing_while_the_disk_hangs(scene: Scene) -> None:
    """And goes on later."""
    released = scene.disk_held_up(then=lambda _: None)
    scene.ask()
    scene.domain.close(timeout=0.1)
    released.set()


def closing_in_quarantine(scene: Scene) -> None:
    """What waits for the end of a rest is not forgotten."""
    MISCHIEF["bug"] = raising(ValueError("bug"))
    stall = scene.held_up()
    for _ in range(2):
        scene.sent += 1
        scene.asks.append(waits(scene.book.send(Misbehave(name="bug", where="decide"))))
    scene.ask()
    stall.released.set()
    scene.domain.close(timeout=0.1)


CALM: list[Callable[[Scene], None]] = [
    nothing, a_failing_commit, a_commit_that_is_not_heard_of, too_little_memory, a_full_disk,
    a_disk_that_is_gone, a_state_that_did_not_come_about, another_process_that_was_first,
    a_deadline, a_bug_before_them, quarantine, no_room_in_memory,
]  # fmt: skip
CLOSING: list[Callable[[Scene], None]] = [
    closing, closing_in_a_decision, closing_while_the_disk_hangs, closing_in_quarantine,
]  # fmt: skip


def check(asks: Sequence[Ask], journal: FaultyJournal) -> None:
    """All are answered; who hears that nothing was done can rely on it, and on a receipt, too."""
    answers = [(id_, answer()) for id_, answer in asks]
    kept = cast("dict[str, object]", journal._ids)  # pyright: ignore[reportPrivateUsage]
    for id_, answer in answers:
        if isinstance(answer, NotExecuted | Preview):
            assert id_ not in kept, f"{id_} is stored: {answer!r}"
        elif isinstance(answer, Receipt | Refused):
            assert id_ in kept, f"{id_} is not stored: {answer!r}"
        else:
            assert isinstance(answer, OutcomeUnknown)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("event", [*CALM, *CLOSING], ids=lambda event: event.__name__)
def test_an_ask_is_answered_and_the_answer_is_true(
    kind: str, event: Callable[[Scene], None]
) -> None:
    max_live = 1 if event is no_room_in_memory else 100
    scene = Scene(kind, Policy(max_live=max_live, back_off=0.01))
    with scene.domain:
        event(scene)
        if event in CLOSING:
            assert until(lambda: scene.journal._closed)  # pyright: ignore[reportPrivateUsage]
        check(scene.asks, scene.journal)
        if event in CALM:
            assert sum(scene.domain.statistics().ends.values()) == scene.sent
