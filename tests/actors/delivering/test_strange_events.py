"""Events that cannot be read, classes that are gone, forks, and ledgers of other programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
from tests.actors.delivering.posts import Office, Posts
from tests.actors.notebook import Notebook, Stamp, Stamped, Write, Written, notebook
from tests.actors.shelf import until

from comity.actors import Deliveries, Delivery, Domain, Outlet, OutletLedger
from comity.actors.delivering.forms import ORIGIN
from comity.actors.delivering.ledger_tables import META
from comity.engine import Decider, Forked, OutletError, Recorded, WiringError
from comity.readmodels import ReadModel, Row, Table


class StampRow(Row):
    """How often a notebook was stamped."""

    key: str
    stamps: int


class Stamps(ReadModel[Stamped]):
    """The stamps of all notebooks."""

    rows = Table(StampRow, key=lambda row: row.key)

    def project(self, event: Stamped, at: Recorded[Stamped]) -> None:
        """Count."""
        self.rows.put(StampRow(key=at.aggregate.key, stamps=at.version))


def decide(state: Notebook, command: Stamp) -> Iterator[Stamped]:
    """Nothing comes of it."""
    yield from ()


def evolve(state: Notebook, event: Stamped) -> Notebook:
    """Change nothing."""
    return state


older = Decider("notebook", Notebook, decide, evolve)
"""A program that does not know `Written` (any more)."""


class Marks(Outlet[Stamped]):
    """Delivers stamps only."""

    start = "beginning"
    stored_as = "Posts"
    back_off = (0.001, 0.001)

    def __init__(self) -> None:
        self.seen: list[int] = []

    def deliver(self, event: Stamped, at: Delivery[Stamped]) -> None:
        """Write it down."""
        self.seen.append(at.position)


def test_an_outlet_stops_before_an_event_that_it_cannot_read(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "db", deciders=[notebook]) as domain:
        handle = domain.aggregate(notebook, "a")
        handle.do(Stamp(page="p", stamps=1))
        handle.do(Write(page="p", text="hello"))
        domain.aggregate(notebook, "b").do(Stamp(page="p", stamps=1))
    marks = Marks()
    with Domain.open(
        tmp_path / "db", deciders=[older], outlets=[marks], allow_unreadable=True
    ) as domain:
        assert until(lambda: domain.outlet(marks).status().state == "stopped")
        assert "Written" in domain.outlet(marks).status().error
        assert until(lambda: marks.seen == [1])
        domain.outlet(marks).resume()
        assert domain.outlet(marks).status().position <= 1
    with Domain.open(tmp_path / "db", deciders=[notebook], outlets=[marks]):
        assert until(lambda: marks.seen == [1, 3])


def test_a_parked_event_whose_class_is_gone_is_listed_and_can_be_given_up(tmp_path: Path) -> None:
    class Failing(Posts):
        stored_as = "Posts"
        tries = 1

    posts = Failing()
    posts.fails = lambda at: isinstance(at.event, Written)
    with Domain.open(tmp_path / "db", deciders=[notebook], outlets=[posts]) as domain:
        domain.aggregate(notebook, "a").do(Write(page="p", text="hello"))
        assert until(lambda: domain.outlet(posts).status().parked == 1)
    retired = Decider("notebook", Notebook, decide, evolve, retired=["Written", "Misbehaved"])
    marks = Marks()
    with Domain.open(tmp_path / "db", deciders=[retired], outlets=[marks]) as domain:
        (parked,) = domain.outlet(marks).parked()
        assert (parked.event, parked.position, parked.key) == ("Written", 1, "notebook/a")
        with pytest.raises(OutletError, match="stays parked: Posts does not listen to the event"):
            domain.outlet(marks).try_again("notebook/a")
        assert domain.outlet(marks).try_again() == 0
        assert domain.outlet(marks).give_up("notebook/a", parked.position) == 1
        assert domain.outlet(marks).parked() == []


def test_nothing_fires_again_because_a_model_is_built_anew(tmp_path: Path) -> None:
    posts = Posts()
    with Domain.open(
        tmp_path / "db", deciders=[notebook], read_models=[Stamps], outlets=[posts]
    ) as domain:
        for _ in range(3):
            domain.aggregate(notebook, "a").do(Stamp(page="p", stamps=1))
        assert until(lambda: domain.outlet(posts).status().delivered == 3)
        domain.model(Stamps).rebuild()
        assert until(lambda: domain.models()[0].rebuilt is None)
        domain.aggregate(notebook, "a").do(Stamp(page="p", stamps=1))
        assert until(lambda: domain.outlet(posts).status().delivered == 4)
    assert posts.of("a") == [1, 2, 3, 4]


def test_a_fork_leaves_the_outlet_to_its_parent(tmp_path: Path) -> None:
    posts = Posts()
    with Domain.open(tmp_path / "db", deciders=[notebook], outlets=[posts]) as domain:
        handle = domain.outlet(posts)
        child = os.fork()
        if not child:
            try:
                handle.parked()
            except Forked:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        domain.aggregate(notebook, "a").do(Stamp(page="p", stamps=1))
        assert until(lambda: posts.of("a") == [1])


def test_a_ledger_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    office = Office()
    dispatcher = office.handle.actor.dispatcher
    assert dispatcher is not None
    tables = dispatcher.ledger.tables
    origin = msgpack.unpackb(tables.get(META, ORIGIN) or b"")
    office.domain.close()
    tables.write({META: {ORIGIN: msgpack.packb({**origin, "format": 99, "comity": "9.9"})}})
    office.open()
    status = office.handle.status()
    assert status.state == "stopped"
    assert "use comity 9.9 or newer" in status.error


def test_deliveries_find_the_deciders_beside_the_outlet(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "db", deciders=[notebook]) as domain:
        domain.aggregate(notebook, "a").do(Stamp(page="p", stamps=1))
        posts = Posts()
    with Deliveries.open(tmp_path / "db", [posts]) as deliveries:
        assert until(lambda: deliveries.outlet(posts).status().delivered == 1)
        assert [one.name for one in deliveries.outlets()] == ["Posts"]


def test_deliveries_need_an_outlet_and_its_deciders(tmp_path: Path) -> None:
    Domain.open(tmp_path / "db", deciders=[notebook]).close()
    with pytest.raises(WiringError, match="name at least one outlet"):
        Deliveries.open(tmp_path / "db", [])
    with pytest.raises(WiringError, match="no decider of that was found: name it"):
        Deliveries.open(tmp_path / "db", [Posts()], deciders=[older])


def test_a_ledger_is_changed_without_classes_while_nobody_delivers(tmp_path: Path) -> None:
    class Hasty(Posts):
        stored_as = "Posts"
        tries = 1

    posts = Hasty()
    posts.fails = lambda _: True
    with Domain.open(tmp_path / "db", deciders=[notebook], outlets=[posts]) as domain:
        for key in ("a", "a", "b", "c"):
            domain.aggregate(notebook, key).do(Stamp(page="p", stamps=1))
        assert until(lambda: domain.outlet(posts).status().parked == 4)
    with OutletLedger.open(tmp_path / "db", "Posts") as ledger:
        assert [one.key for one in ledger.parked()] == [
            *["notebook/a"] * 2,
            "notebook/b",
            "notebook/c",
        ]
        assert ledger.give_up("notebook/a", 1) == 1
        assert ledger.give_up("notebook/c") == 1
        assert ledger.try_again("notebook/nobody") == 0
        assert ledger.try_again() == 2
        assert (ledger.status().parked, ledger.status().waiting, ledger.status().given_up) == (
            0,
            2,
            2,
        )
    posts.fails = lambda _: False
    with Domain.open(tmp_path / "db", deciders=[notebook], outlets=[posts]):
        assert until(lambda: sorted(posts.seen) == [("a", 2), ("b", 1)])


def test_a_ledger_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    Domain.open(tmp_path / "db", deciders=[notebook], outlets=[Posts()]).close()
    with pytest.raises(OutletError, match=r"no ledger of an outlet 'Mails' .*\(Posts\)"):
        OutletLedger.open(tmp_path / "db", "Mails")
