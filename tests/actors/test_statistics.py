"""Statistics: how everything that was sent has ended, and where people clash."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from tests.actors.faulty_journal import FaultyJournal, full, lost
from tests.actors.notebook import (
    MISCHIEF,
    Misbehave,
    PageFull,
    Stall,
    Stamp,
    Write,
    notebook,
    raising,
)

from comity.actors import Domain, Policy
from comity.engine import (
    Busy,
    ComityError,
    Command,
    Conflicted,
    Decider,
    DeciderFailed,
    Event,
    Expired,
    FromTheFuture,
    IdReused,
    Invalid,
    Key,
    Outcome,
    OutcomeUnknown,
    Quarantined,
    Receipt,
    StorageFailed,
    StorageFull,
)

ONCE = Stamp(page="p", stamps=1)


@pytest.fixture(autouse=True)
def _quiet_and_clean(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, logger="comity")
    yield
    MISCHIEF.clear()


@pytest.fixture
def journal() -> FaultyJournal:
    """A journal that fails on demand."""
    return FaultyJournal()


def ended(ask: Callable[[], object]) -> object:
    """The outcome of a command, or the class of the error."""
    try:
        answer = ask()
    except ComityError as error:
        return type(error)
    return answer.outcome if isinstance(answer, Receipt) else answer


def test_outcomes_are_counted_by_their_names(domain: Domain) -> None:
    ann, bob = (domain.session(who).aggregate(notebook, "a") for who in ("ann", "bob"))
    bob.send(Write(page="p", text="bob's")).result(60)
    ends = [
        ended(ann.send(Write(page="p", text="bob's")).result),
        ended(ann.send(Write(page="q", text="t"), seen=0).result),
        ended(ann.send(Write(page="p", text="ann's"), seen=0).result),
        ended(ann.send(Write(page="p", text="u" * 2000)).result),
    ]
    assert ends == [Outcome.UNCHANGED, Outcome.MERGED, Conflicted, PageFull]
    ann.preview(ONCE).result(60)
    assert domain.statistics().ends == {
        "applied": 1, "unchanged": 1, "merged": 1, "conflicted": 1, "rejected": 1, "previewed": 1,
    }  # fmt: skip


def test_what_can_never_be_right_is_counted_wherever_it_is_noticed(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")
    book.send(ONCE, id="x").result(60)
    assert ended(lambda: book.send(ONCE, seen=-1)) is Invalid
    assert ended(lambda: book.preview(ONCE, seen=-1)) is Invalid
    assert ended(lambda: book.send_many([ONCE] * 2000)) is Invalid
    assert ended(book.send(ONCE, seen=99).result) is FromTheFuture
    assert ended(book.send(Write(page="p", text="t"), id="x").result) is IdReused
    assert domain.statistics().ends == {
        "applied": 1, "invalid": 2002, "from_the_future": 1, "id_reused": 1,
    }  # fmt: skip


def test_who_sends_again_is_counted_as_repeated_and_the_command_once(domain: Domain) -> None:
    stall = MISCHIEF["stall"] = Stall()
    book = domain.aggregate(notebook, "a")
    first = book.send(Misbehave(name="stall", where="decide"), id="x")
    assert stall.entered.wait(60)
    again = book.send(Misbehave(name="stall", where="decide"), id="x")
    stall.released.set()
    assert first.result(60) == again.result(60)
    assert first.result(60) == book.send(Misbehave(name="stall", where="decide"), id="x").result(60)
    assert domain.statistics().ends == {"applied": 1, "repeated": 2}


def test_what_was_not_let_in_or_came_too_late_is_counted(journal: FaultyJournal) -> None:
    stall = MISCHIEF["stall"] = Stall()
    with Domain(journal, deciders=[notebook], policy=Policy(inbox=2)) as domain:
        book = domain.aggregate(notebook, "a")
        held = book.send(Misbehave(name="stall", where="decide"))
        assert stall.entered.wait(60)
        assert ended(book.send(ONCE, deadline=0.01).result) is Expired
        last = book.send(ONCE)
        assert ended(lambda: book.send(ONCE)) is Busy
        assert ended(lambda: book.send_many([ONCE] * 2)) is Busy
        stall.released.set()
        held.result(60)
        last.result(60)
        assert domain.statistics().ends == {"applied": 2, "expired": 1, "busy": 3}


def test_bugs_and_what_they_lead_to_are_counted(journal: FaultyJournal) -> None:
    MISCHIEF["bug"] = raising(ValueError("bug"))
    policy = Policy(failures=2, back_off=0.001)
    with Domain(journal, deciders=[notebook], policy=policy) as domain:
        book = domain.aggregate(notebook, "a")
        for where in ("decide", "evolve"):
            assert ended(book.send(Misbehave(name="bug", where=where)).result) is DeciderFailed
        assert ended(book.send(ONCE).result) is Quarantined
        assert domain.statistics().ends == {"decider_failed": 2, "quarantined": 1}


def test_failures_of_the_disk_are_counted(journal: FaultyJournal) -> None:
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        journal.fault = full
        assert ended(book.send(ONCE).result) is StorageFull
        journal.fault = lost
        assert ended(book.send(ONCE).result) is StorageFailed
        journal.fault, journal.recoverable = lost, False
        assert ended(book.send(ONCE).result) is OutcomeUnknown
        assert domain.statistics().ends == {
            "storage_full": 1, "storage_failed": 1, "outcome_unknown": 1,
        }  # fmt: skip


# --- where people clash ---------------------------------------------------------------------------


class Retitle(Command):
    card: Key[str]
    title: str


class Close(Command):
    """Clashes with whatever was done to the card."""

    card: Key[str]
    touches = "card/{card}"


class Praise(Command):
    """Touches nothing, and rests on the title."""

    card: Key[str]
    touches = ()
    depends_on = "card/{card}/title"


class Retitled(Event):
    card: Key[str]
    title: str


@dataclass
class Cards:
    titles: dict[str, str] = field(default_factory=dict[str, str])


def decide(cards: Cards, command: Retitle | Close | Praise) -> Iterator[Retitled]:
    title = command.title if isinstance(command, Retitle) else type(command).__name__
    yield Retitled(card=command.card, title=title)


def evolve(cards: Cards, event: Retitled) -> Cards:
    return cards


cards = Decider("cards", Cards, decide, evolve)


def test_conflicts_are_counted_at_the_places_that_their_reports_name() -> None:
    with Domain(FaultyJournal(), deciders=[cards]) as domain:
        ann, bob = (domain.session(who).aggregate(cards, "a") for who in ("ann", "bob"))
        bob.send(Retitle(card="c/1", title="t")).result(60)
        for command in (Retitle(card="c/1", title="u"), Close(card="c/1"), Praise(card="c/1")):
            pending = ann.send(command, seen=0)
            with pytest.raises(Conflicted, match="at card/c/1/title"):
                pending.result(60)
        place = "card/{card}/title"
        assert domain.statistics().conflicts == {
            ("Retitle", place): 1, ("Close", place): 1, ("Praise", place): 1,
        }  # fmt: skip
        assert domain.statistics().ends == {"applied": 1, "conflicted": 3}
