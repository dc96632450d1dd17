"""A domain is not opened on events that its program cannot read, unless its host allows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from comity.actors import Domain
from comity.engine import AggregateId, Command, Decider, Event, Journal, Key, UnreadableEvent
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.opener import JournalOpener, LmdbOpener
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.testing.log_journal import Chances, LogJournal


class Plan(Command):
    card: Key[str]


class Planned(Event):
    aliases = ("Dated",)
    card: Key[str]


def decide(count: int, command: Plan) -> Iterator[Planned]:
    yield Planned(card=command.card)


def evolve(count: int, event: Planned) -> int:
    return count + 1


board = Decider("board", int, decide, evolve)
LOG = Chances(gap=0.0, silence=0.0, late=False)


@dataclass(frozen=True)
class LogOpener:
    """Opens one log that is in no folder."""

    log: LogJournal
    path: Path | None = None

    def __str__(self) -> str:
        return "log.example/team"

    def open(self, *, read_only: bool = False) -> Journal:
        return self.log


@pytest.fixture(params=["lmdb", "log"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> JournalOpener:
    """An opener of a new journal, of each kind."""
    if request.param == "lmdb":
        return LmdbOpener(tmp_path / "journal")
    return LogOpener(LogJournal(1, LOG, shared=True))


def store(opener: JournalOpener, aggregate: str, *events: tuple[str, int, int]) -> None:
    """Store events, given as name, schema version and readable."""
    journal = opener.open()
    stored = tuple(
        StoredEvent(name, schema, {"card": "c1"}, 0, readable) for name, schema, readable in events
    )
    id_ = AggregateId.parse(aggregate)
    journal.append([Turn.of(id_, journal.version(id_), [Entry(f"{id_}", stored, 0, ())])])
    journal.close()


def test_kinds_of_events_without_a_class_are_named_with_their_counts(opener: JournalOpener) -> None:
    store(opener, "board/a", ("Planned", 1, 0), ("Starred", 1, 0), ("Starred", 1, 0))
    store(opener, "board/b", ("Planned", 4, 0))
    with pytest.raises(UnreadableEvent) as caught:
        Domain.open(opener, deciders=[board])
    said = str(caught.value)
    assert said.startswith(f"{opener}: this program has no class for 1 event board/Planned of sche")
    assert "2 events board/Starred of schema version 1: add the class; if it was" in said
    assert "this program's Planned has version 1; run the newer program" in said
    assert "pass allow_unreadable=True" in said


def test_what_may_be_read_is_no_hindrance(opener: JournalOpener) -> None:
    store(opener, "board/a", ("Planned", 1, 0), ("Dated", 1, 0), ("Planned", 7, 1))
    store(opener, "stranger/a", ("Starred", 1, 0))
    with Domain.open(opener, deciders=[board]) as domain:
        assert domain.state(domain.aggregate(board, "a")) == 3


def test_a_retired_event_is_no_hindrance(opener: JournalOpener) -> None:
    store(opener, "board/a", ("Starred", 1, 0))
    retiring = Decider("board", int, decide, evolve, retired=["Starred"])
    with Domain.open(opener, deciders=[retiring]) as domain:
        assert domain.version(domain.aggregate(retiring, "a")) == 1


def test_an_event_for_classes_that_are_newer_is_a_hindrance(opener: JournalOpener) -> None:
    store(opener, "board/a", ("Planned", 7, 2))
    with pytest.raises(UnreadableEvent, match="for classes from 2 on"):
        Domain.open(opener, deciders=[board])


def test_a_host_may_open_the_domain_for_the_other_aggregates(opener: JournalOpener) -> None:
    store(opener, "board/a", ("Starred", 1, 0))
    with Domain.open(opener, deciders=[board], allow_unreadable=True) as domain:
        assert domain.aggregate(board, "b").do(Plan(card="c1")).version == 1
        with pytest.raises(UnreadableEvent, match="holds a Starred"):
            domain.aggregate(board, "a").do(Plan(card="c1"))


def test_a_domain_that_was_not_opened_leaves_nothing_behind(tmp_path: Path) -> None:
    opener = LmdbOpener(tmp_path / "journal")
    store(opener, "board/a", ("Starred", 1, 0))
    with pytest.raises(UnreadableEvent):
        Domain.open(opener, deciders=[board])
    journal = LmdbJournal.open(opener.path)
    assert journal.figures().records == 1
    journal.close()


def test_an_error_does_not_name_more_kinds_than_one_can_read(opener: JournalOpener) -> None:
    store(opener, "board/a", *[(f"Gone{number}", 1, 0) for number in range(30)])
    with pytest.raises(UnreadableEvent, match="; and 20 more kinds") as caught:
        Domain.open(opener, deciders=[board])
    assert str(caught.value).count("add the class") == 10
