"""A client sends a command again after a deploy: its class has changed, and the answer is the same.

The program of 2027 has commands that are renamed, with renamed fields and a new one; that of 2028
has another shape of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, ClassVar

import pytest

from comity.actors import Domain
from comity.engine import (
    Command,
    Decider,
    Event,
    Fields,
    IdReused,
    Invalid,
    Key,
    Rejected,
    StoredAs,
)
from comity.engine.history import history
from comity.engine.journal.lmdb_journal import LmdbJournal

DUE = date(2026, 3, 1)


class Planned(Event):
    card: Key[str]


def evolve(count: int, event: Planned) -> int:
    return count + 1


class Plan(Command):
    card: Key[str]
    due: date


def decide_2026(count: int, command: Plan) -> Iterator[Planned]:
    if command.card == "lost":
        raise Rejected("there is no such card")
    yield Planned(card=command.card)


class Schedule(Command):
    stored_as = "Plan"
    color: str = "white"
    which: Annotated[Key[str], StoredAs("card")]
    due: date


def decide_2027(count: int, command: Schedule) -> Iterator[Planned]:
    yield Planned(card=command.which)


def with_time(due: date) -> Fields:
    return {"due": datetime.combine(due, time(), UTC)}


class Book(Command):
    stored_as = "BookCard"
    aliases = ("Plan",)
    schema_version = 2
    upcasts: ClassVar = {1: with_time}
    card: Key[str]
    due: datetime


def decide_2028(count: int, command: Book) -> Iterator[Planned]:
    yield Planned(card=command.card)


of_2026 = Decider("board", int, decide_2026, evolve)
of_2027 = Decider("board", int, decide_2027, evolve)
of_2028 = Decider("board", int, decide_2028, evolve)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The journal of the program of 2026, which keeps commands: one is applied, one refused."""
    with Domain.open(tmp_path / "db", deciders=[of_2026], keep_commands=True) as domain:
        board = domain.session("ann", id="s").aggregate(of_2026, "a")
        board.do(Plan(card="c1", due=DUE), id="first")
        with pytest.raises(Rejected):
            board.do(Plan(card="lost", due=DUE), id="second")
    return tmp_path / "db"


def test_a_retry_of_a_renamed_command_gets_the_first_receipt(path: Path) -> None:
    with Domain.open(path, deciders=[of_2027]) as domain:
        board = domain.aggregate(of_2027, "a")
        receipt = board.do(Schedule(which="c1", due=DUE), id="first")
        assert (receipt.command, receipt.version, receipt.who) == ("Plan", 1, "ann")
        assert domain.version(board) == 1


def test_a_retry_of_a_refused_command_is_refused_as_it_was(path: Path) -> None:
    with (
        Domain.open(path, deciders=[of_2027]) as domain,
        pytest.raises(Rejected, match="there is no such card"),
    ):
        domain.aggregate(of_2027, "a").do(Schedule(which="lost", due=DUE), id="second")


@pytest.mark.parametrize(
    "other",
    [
        Schedule(which="c2", due=DUE),
        Schedule(which="c1", due=date(2026, 3, 2)),
        Schedule(which="c1", due=DUE, color="red"),
    ],
)
def test_an_id_that_is_used_for_another_command_is_still_refused(
    path: Path, other: Schedule
) -> None:
    with Domain.open(path, deciders=[of_2027]) as domain, pytest.raises(IdReused, match="for Plan"):
        domain.aggregate(of_2027, "a").do(other, id="first")


def test_a_client_of_2026_sends_again_to_the_program_of_2028(path: Path) -> None:
    fields = {"card": "c1", "due": "2026-03-01"}
    with Domain.open(path, deciders=[of_2028]) as domain:
        board = domain.aggregate(of_2028, "a")
        assert board.do(of_2028.read_command("Plan", 1, fields), id="first").version == 1
        assert board.do(of_2028.read_command("Plan", 1, fields), id="third").version == 2
        with pytest.raises(IdReused):
            board.do(Book(card="c2", due=datetime(2026, 3, 1, tzinfo=UTC)), id="third")


def test_commands_that_were_kept_are_read_by_every_later_program(path: Path) -> None:
    journal = LmdbJournal.open(path, read_only=True)
    records = [record for _, record in journal.read_every()]
    journal.close()
    assert [history.kept(of_2026, each) for each in records] == [
        Plan(card="c1", due=DUE),
        Plan(card="lost", due=DUE),
    ]
    assert history.kept(of_2027, records[1]) == Schedule(which="lost", due=DUE)
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    assert history.kept(of_2028, records[1]) == Book(card="lost", due=midnight)


def test_an_older_program_says_that_a_kept_command_is_newer(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "db", deciders=[of_2028], keep_commands=True) as domain:
        midnight = datetime(2026, 3, 1, tzinfo=UTC)
        domain.aggregate(of_2028, "a").do(Book(card="c1", due=midnight))
    journal = LmdbJournal.open(tmp_path / "db", read_only=True)
    ((_, record),) = journal.read_every()
    journal.close()
    with pytest.raises(Invalid, match="BookCard"):
        history.kept(of_2027, record)
