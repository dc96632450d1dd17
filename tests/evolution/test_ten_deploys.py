"""A domain goes through ten versions of its program, and keeps the data of all of them.

Each chapter is a version; `versions/v01.py` to `v10.py` are the programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests.evolution.versions import v01, v02, v03, v04, v05, v06, v07, v08, v09, v10

from comity.actors import Domain
from comity.engine import Decider, Rejected, UnreadableEvent
from comity.engine.merging.decider import C, E, S
from comity.evolution import check_contract, check_journal, migrate, rehearse, write_contract
from comity.readmodels.tables.read_model import AnyReadModel

MONDAY = date(2027, 1, 4)
NINE = datetime(2027, 1, 4, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Years:
    """The journal and the contract, which outlive the programs."""

    journal: Path
    contract: Path

    def deploy(
        self,
        decider: Decider[S, C, E],
        *models: type[AnyReadModel],
        accepted: tuple[str, ...] = (),
    ) -> None:
        """Do what a careful team does before a deploy; it has accepted some broken promises."""
        if self.contract.exists():
            found = check_contract(self.contract, [decider], models)
            assert tuple(one.where for one in found.broken) == accepted
            assert check_journal(self.journal, [decider]).is_fine
        write_contract(self.contract, [decider], models)

    def run(self, decider: Decider[S, C, E], *models: type[AnyReadModel]) -> Domain:
        """Start the program with this decider."""
        return Domain.open(self.journal, deciders=[decider], read_models=models, keep_commands=True)

    def send(self, decider: Decider[S, C, E], command: C, id: str | None = None) -> int:
        """Start the program, send one command, and return the version after it."""
        with self.run(decider) as domain:
            return domain.aggregate(decider, "blue").send(command, id=id).result(10).version

    def state(self, decider: Decider[S, C, E]) -> S:
        """Start the program, and look at the room."""
        with self.run(decider) as domain:
            return domain.aggregate(decider, "blue").look().state


def test_a_domain_goes_through_ten_versions_and_keeps_its_data(tmp_path: Path) -> None:
    years = Years(tmp_path / "rooms.db", tmp_path / "contract.json")
    people_book_a_room(years)
    a_field_is_added(years)
    a_class_and_a_field_are_renamed(years)
    an_event_changes_its_shape(years)
    it_changes_its_shape_once_more(years)
    an_event_is_retired(years)
    a_command_changes_its_shape(years)
    a_rule_holds_from_a_date_on(years)
    a_row_gains_a_column(years)
    the_journal_is_written_anew(years, tmp_path / "bookings.db")


def people_book_a_room(years: Years) -> None:
    years.deploy(v01.room)
    years.send(v01.room, v01.Book(booking="b1", who="ann", day=MONDAY, hours=10), id="first")
    years.send(v01.room, v01.Star(booking="b1"))
    assert years.state(v01.room) == v01.Room({"b1": "ann"}, stars=1)


def a_field_is_added(years: Years) -> None:
    years.deploy(v02.room)
    command = v02.Book(booking="b2", who="bob", day=MONDAY, hours=2, note="for 12")
    years.send(v02.room, command, id="with a note")
    assert years.state(v02.room).notes == {"b1": "", "b2": "for 12"}
    # Version 1 still runs elsewhere: it leaves the note out.
    assert years.state(v01.room).guests == {"b1": "ann", "b2": "bob"}


def a_class_and_a_field_are_renamed(years: Years) -> None:
    years.deploy(v03.room)
    years.send(v03.room, v03.Book(booking="b3", guest="cy", day=MONDAY, hours=3))
    assert years.state(v03.room).guests == {"b1": "ann", "b2": "bob", "b3": "cy"}
    # The versions before read it, and what they write is read here.
    assert years.state(v01.room).guests == years.state(v02.room).guests == {
        "b1": "ann", "b2": "bob", "b3": "cy",
    }  # fmt: skip
    years.send(v02.room, v02.Star(booking="b3"))
    assert years.state(v03.room).stars == 2


def an_event_changes_its_shape(years: Years) -> None:
    years.deploy(v04.room)
    version = years.send(v04.room, v04.Book(booking="b4", guest="dee", day=MONDAY, hours=4))
    found = years.state(v04.room).bookings
    assert found["b1"] == v04.Booking("ann", NINE, 10 * HOUR, "")
    assert found["b4"] == v04.Booking("dee", NINE, 4 * HOUR, "")
    # Version 3 is rolled back to: it stops with words, and nothing is lost.
    with pytest.raises(UnreadableEvent, match=r"(?s)Booked.*schema version 2.*newer program"):
        years.run(v03.room)
    with Domain.open(years.journal, deciders=[v03.room], allow_unreadable=True) as domain:
        with pytest.raises(UnreadableEvent):
            domain.aggregate(v03.room, "blue").send(v03.Star(booking="b4")).result(10)
        assert domain.version(domain.aggregate(v03.room, "blue")) == version
    assert years.state(v04.room).bookings == found


def it_changes_its_shape_once_more(years: Years) -> None:
    years.deploy(v05.room)
    years.send(v05.room, v05.Book(booking="b5", guest="eve", day=MONDAY, hours=1, people=7))
    found = years.state(v05.room).bookings
    assert {key: one.people for key, one in found.items()} == {
        "b1": 1, "b2": 12, "b3": 1, "b4": 1, "b5": 7,
    }  # fmt: skip
    # Version 4 goes on beside it, without the people.
    assert years.state(v04.room).bookings["b5"] == v04.Booking("eve", NINE, HOUR, "")


def an_event_is_retired(years: Years) -> None:
    stars = 2
    years.deploy(v06.room, accepted=("room, command Star",))
    assert set(years.state(v06.room).bookings) == {"b1", "b2", "b3", "b4", "b5"}
    with years.run(v06.room) as domain:
        blue = domain.aggregate(v06.room, "blue")
        told = [one.event.stored_as for one in domain.history(blue)]
    assert len(told) == 5 + stars
    assert years.send(v06.room, v06.Book(booking="b6", guest="flo", day=MONDAY, hours=1)) == 8


def a_command_changes_its_shape(years: Years) -> None:
    years.deploy(v07.room)
    old = {"booking": "b7", "who": "gus", "day": "2027-01-04", "hours": 2}
    years.send(v07.room, v07.room.read_command("Book", 1, old))
    assert years.state(v07.room).bookings["b7"] == v07.Booking("gus", NINE, 2 * HOUR, "", 1)
    # The very first command comes again, from a client of version 1: it is known.
    first = {"booking": "b1", "who": "ann", "day": "2027-01-04", "hours": 10}
    assert years.send(v07.room, v07.room.read_command("Book", 1, first), id="first") == 1


def a_rule_holds_from_a_date_on(years: Years) -> None:
    # The note of an old command does not say for how many people it is; that of an old event does.
    before = {case.command_id for case in rehearse(years.journal, [v07.room]).cases}
    assert before == {"with a note"}
    today = {case.command_id for case in rehearse(years.journal, [v08.room]).cases}
    assert today - before == {"first"}
    years.deploy(v08.room, v08.Bookings)
    long = v08.BookRoom(booking="b8", guest="hal", start=NINE, length=9 * HOUR)
    with pytest.raises(Rejected, match="8 hours") as refused:
        years.send(v08.room, long, id="long")
    assert refused.value.report.rules_revision == "eight-hours"


def a_row_gains_a_column(years: Years) -> None:
    with years.run(v08.room, v08.Bookings) as domain:
        domain.read(v08.Bookings, after=domain.statistics().position, timeout=10).close()
    years.deploy(v09.room, v09.Bookings)
    with years.run(v09.room, v09.Bookings) as domain:
        command = v09.BookRoom(booking="b9", guest="ida", start=NINE, length=HOUR, people=3)
        receipt = domain.aggregate(v09.room, "blue").send(command).result(10)
        with domain.read(v09.Bookings, after=receipt, timeout=10) as bookings:
            people = {row.booking: row.people for row in bookings.rows.all()}
    assert people["b9"] == 3
    assert people["b5"] == 0  # the row was written before it had this column, and was kept


def the_journal_is_written_anew(years: Years, copy: Path) -> None:
    migrate(years.journal, copy, v10.each_on_its_own, deciders=[v10.booking])
    with Domain.open(copy, deciders=[v10.booking]) as domain:
        keys = ["b1", "b2", "b3", "b4", "b5", "b6", "b7", "b9"]
        found = [domain.aggregate(v10.booking, key).look().state for key in keys]
        again = v10.BookRoom(booking="b1", guest="ann", start=NINE, length=10 * HOUR)
        receipt = domain.aggregate(v10.booking, "b1").send(again, id="first").result(10)
    assert [one.guest for one in found] == ["ann", "bob", "cy", "dee", "eve", "flo", "gus", "ida"]
    assert receipt.version == 1
    assert set(years.state(v09.room).bookings) == set(keys)  # the old journal is as it was
