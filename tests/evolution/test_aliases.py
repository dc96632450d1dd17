"""Events of another stored name: models, streams and matrices count them as those of the class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from comity.actors import Domain
from comity.actors.projecting.model_routes import ModelRoutes
from comity.engine import (
    Command,
    Conflicted,
    Decider,
    Event,
    Key,
    Recorded,
    UnreadableEvent,
    matrix,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.merging.decider import AnyDecider
from comity.readmodels import ReadModel, Row, Table


class Plan(Command):
    card: Key[str]


class Archive(Command):
    stored_as = "PutAway"
    card: Key[str]


class Dated(Event):
    card: Key[str]


class Planned(Event):
    aliases = ("Dated",)
    card: Key[str]


class Archived(Event):
    aliases = ("Hidden",)
    card: Key[str]


class Hidden(Event):
    card: Key[str]


def decide_before(cards: int, command: Plan | Archive) -> Iterator[Dated | Hidden]:
    yield Dated(card=command.card) if isinstance(command, Plan) else Hidden(card=command.card)


def evolve_before(cards: int, event: Dated | Hidden) -> int:
    return cards + 1


def decide(cards: int, command: Plan | Archive) -> Iterator[Planned | Archived]:
    yield Planned(card=command.card) if isinstance(command, Plan) else Archived(card=command.card)


def evolve(cards: int, event: Planned | Archived) -> int:
    return cards + 1


before = Decider("cards", int, decide_before, evolve_before)
cards = Decider("cards", int, decide, evolve)


other = Decider("other", int, decide_before, evolve_before)


class CardRow(Row):
    card: str


class Plans(ReadModel[Planned]):
    rows = Table(CardRow, key=lambda row: row.card)

    def project(self, event: Planned, at: Recorded) -> None:
        assert isinstance(event, Planned)
        self.rows.put(CardRow(card=event.card))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of an older program: a is dated and hidden, b is dated."""
    path = tmp_path / "cards.db"
    with Domain.open(path, deciders=[before]) as domain:
        for command in (Plan(card="a"), Archive(card="a"), Plan(card="b")):
            domain.aggregate(before, "x").do(command)
    return path


def test_a_model_gets_events_of_its_aliases_and_passes_over_those_of_others(path: Path) -> None:
    with Domain.open(path, deciders=[cards], read_models=[Plans]) as domain:
        domain.aggregate(cards, "x").do(Plan(card="c"))
        rows = domain.read(Plans, after=4, timeout=60).rows.all()
        assert [row.card for row in rows] == ["a", "b", "c"]


class Done(Event):
    stored_as = "Done"
    card: Key[str]


class Ended(Event):
    stored_as = "Done"
    aliases = ("Ended",)
    card: Key[str]


class DoneRows(ReadModel[Done]):
    stored_as = "Rows"
    rows = Table(CardRow, key=lambda row: row.card)

    def project(self, event: Event, at: Recorded) -> None:
        pass


class EndedRows(ReadModel[Ended]):
    stored_as = "Rows"
    rows = Table(CardRow, key=lambda row: row.card)

    def project(self, event: Event, at: Recorded) -> None:
        pass


def test_a_new_alias_rebuilds_a_model_that_had_not_got_these_events() -> None:
    assert DoneRows.schema.hash != EndedRows.schema.hash


def test_a_model_stops_before_an_event_of_an_unknown_type_that_has_its_alias() -> None:
    routes = ModelRoutes(Plans, [cast("AnyDecider", cards)])
    journal = MemoryJournal()
    with Domain(journal, deciders=[other]) as domain:
        domain.aggregate(other, "x").do(Plan(card="a"))
        (numbered,) = journal.read_every()
    with pytest.raises(UnreadableEvent, match="the journal has a Dated of other/x"):
        routes.meet_stranger(numbered.record)


def test_an_unseen_event_of_an_alias_clashes_like_one_of_the_class(path: Path) -> None:
    with Domain.open(path, deciders=[cards]) as domain, pytest.raises(Conflicted) as refused:
        domain.aggregate(cards, "x").do(Plan(card="b"), seen=2)
    assert [change.event for change in refused.value.report.changes] == ["Planned"]


def test_a_matrix_names_commands_and_events_by_their_stored_names() -> None:
    table = matrix(cards)
    assert (table.commands, table.events) == (("Plan", "PutAway"), ("Planned", "Archived"))
    assert table.cell(Archive, Planned).command == "PutAway"
